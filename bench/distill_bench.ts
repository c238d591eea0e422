/** One outer iteration of the recipes, whole and in its phases. */
import { Device } from "../src/gpu/mod.ts";
import { distillCases } from "./cases/distill.ts";
import { bench } from "./rate.ts";
import { measureRoofline } from "./roofline.ts";

const device = await Device.open();
const roofline = await measureRoofline(device);
for (const recipe of ["quick", "mnist-fixed-10", "mnist-fixed-100", "mnist-random-100"]) {
  await bench(device, "an outer iteration", await distillCases(device, recipe), roofline);
}

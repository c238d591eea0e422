/** LeNet's gradient and its tangent: how many gradients an hvp costs, given the activations. */
import { Device } from "../src/gpu/mod.ts";
import { netCases } from "./cases/net.ts";
import { bench } from "./rate.ts";
import { measureRoofline } from "./roofline.ts";

const device = await Device.open();
await bench(device, "LeNet", await netCases(device), await measureRoofline(device));

/** Every kernel at the shapes of LeNet and AlexCifarNet, beside what the adapter can do at best. */
import { Device } from "../src/gpu/mod.ts";
import { conv2dCases } from "./cases/conv2d.ts";
import { denseCases } from "./cases/dense.ts";
import { maxPoolCases } from "./cases/max_pool.ts";
import { softmaxXentCases } from "./cases/softmax_xent.ts";
import { bench } from "./rate.ts";
import { describeRoofline, measureRoofline } from "./roofline.ts";

const device = await Device.open();
const roofline = await measureRoofline(device);
console.log(describeRoofline(roofline));
await bench(device, "conv2d", await conv2dCases(device), roofline);
await bench(device, "dense", await denseCases(device), roofline);
await bench(device, "max_pool", await maxPoolCases(device), roofline);
await bench(device, "softmax_xent", await softmaxXentCases(device), roofline);

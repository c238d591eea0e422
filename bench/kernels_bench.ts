/** Every layer and loss at the shapes of LeNet, AlexCifarNet and ConvNet-3, beside the roofline. */
import { Device } from "../src/gpu/mod.ts";
import { layerCases } from "./cases/layers.ts";
import { lossCases } from "./cases/losses.ts";
import { bench } from "./rate.ts";
import { describeRoofline, measureRoofline } from "./roofline.ts";

const device = await Device.open();
const roofline = await measureRoofline(device);
console.log(describeRoofline(roofline));
await bench(device, "layers", await layerCases(device), roofline);
await bench(device, "losses", await lossCases(device), roofline);

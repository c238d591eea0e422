/** The nets' gradients and their tangents: how many gradients an hvp costs, given the activations. */
import { Device } from "../src/gpu/mod.ts";
import { netCases } from "./cases/nets.ts";
import { bench } from "./rate.ts";
import { measureRoofline } from "./roofline.ts";

const device = await Device.open();
await bench(device, "nets", await netCases(device), await measureRoofline(device));

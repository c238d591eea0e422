/** A training that saves a checkpoint after every minibatch: to be killed. */
import { loadDataset, openDevice, trainNetworks, trainSettings } from "../../mod.ts";

const [dataDir, out, settings] = Deno.args as [string, string, string];
const dataset = await loadDataset("mnist", { dataDir });
using device = await openDevice();
await trainNetworks(device, dataset, trainSettings("mnist", JSON.parse(settings)), {
  out,
  resume: true,
  checkpointSeconds: 0,
});

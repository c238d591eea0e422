/** Devices for tests, one for each profile; a machine without an adapter fails, it never skips. */
import { Device, type Profile } from "../../src/gpu/mod.ts";
import { skipOpenGl } from "../../src/run/open_device.ts";

skipOpenGl();

const opened: Partial<Record<Profile["name"], Promise<Device>>> = {};

/** The device of a profile, opened once for a test file and closed after its last test. */
export function deviceOf(profile: Profile["name"]): Promise<Device> {
  return opened[profile] ??= Device.open({ profile }).then((device) => {
    globalThis.addEventListener("unload", () => device[Symbol.dispose]());
    return device;
  });
}

/** Declares a GPU test for both profiles. */
export function gpuTest(name: string, run: (device: Device) => Promise<void>): void {
  for (const profile of ["software", "hardware"] as const) {
    Deno.test({
      name: `${name} [${profile}]`,
      fn: async () => await run(await deviceOf(profile)),
      sanitizeResources: false, // the device outlives the test
      sanitizeOps: false,
    });
  }
}

/** OpenDevice: the machine's WebGPU adapter, as Deno opens it. */
import { Device } from "../gpu/mod.ts";

/**
 * Opens the machine's WebGPU adapter.
 *
 * @throws {NoAdapterError} there is none; the message says what to install.
 */
export async function openDevice(): Promise<Device> {
  skipOpenGl();
  return await Device.open();
}

/** Has Deno look for no OpenGL adapter: libEGL may free memory twice while a process ends. */
export function skipOpenGl(): void {
  const variable = "DENO_WEBGPU_BACKEND";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "granted" && !Deno.env.get(variable)) Deno.env.set(variable, "vulkan,metal,dx12");
}

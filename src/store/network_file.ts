/**
 * NetworkFile: trained networks on disk. A safetensors file under PyTorch's names, each array with a
 * leading axis of networks [R, …]; the metadata say what they are and how they were trained.
 */
import {
  decodeSafetensors,
  encodeSafetensors,
  expectFinite,
  type FloatTensor,
} from "../base/safetensors.ts";
import { sha256 } from "../base/sha256.ts";
import { exportNetworks, importNetworks } from "../nets/export.ts";
import type { Net } from "../nets/net.ts";
import { writeAtomic } from "../base/atomic.ts";
import { UsageError } from "../base/usage_error.ts";

/** A file of networks as read: not known yet to fit a net. */
export interface NetworkFile {
  /** Where it was read from. */
  readonly path: string;
  /** Digest of all its bytes. */
  readonly sha256: string;
  /** Arrays under PyTorch's names: [R, …], or without that axis for one network. */
  readonly tensors: Record<string, FloatTensor>;
  /** Free text by name; none in files that PyTorch wrote. */
  readonly metadata: Record<string, string>;
}

const FORMAT = "retort-networks-1";

/** Replaces the file at `path` by networks θ [R, P]. */
export async function writeNetworks(
  path: string,
  net: Net,
  theta: Float32Array,
  metadata: Record<string, string>,
): Promise<void> {
  const tensors: Record<string, FloatTensor> = {};
  for (const [name, { shape, data }] of Object.entries(exportNetworks(net, theta))) {
    tensors[name] = { shape: [...shape], data };
  }
  await writeAtomic(path, encodeSafetensors(tensors, { format: FORMAT, ...metadata }));
}

/**
 * Reads a file of networks; `advice` says what to do where it is missing.
 *
 * @throws NotFound when there is none.
 * @throws Error when it is damaged, or holds something else.
 */
export async function readNetworks(
  path: string,
  advice = "say where they are",
): Promise<NetworkFile> {
  const bytes = await Deno.readFile(path).catch((error) => {
    const { NotFound, IsADirectory } = Deno.errors;
    if (error instanceof IsADirectory) {
      throw new IsADirectory(
        `Cannot read networks from ${path}: got a folder, expected a file of trained networks; name ` +
          `the file in it`,
      );
    }
    if (!(error instanceof NotFound)) throw error;
    throw new NotFound(
      `Cannot read networks from ${path}: got no such file, expected trained networks; ${advice}`,
    );
  });
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  expectFinite(tensors, path);
  if (metadata.format !== undefined && metadata.format !== FORMAT) {
    throw new SyntaxError(
      `Cannot read networks from ${path}: got format ${metadata.format}, expected ${FORMAT}; give ` +
        `a file that train wrote`,
    );
  }
  return { path, sha256: await sha256(bytes), tensors, metadata };
}

/**
 * θ [R, P] of the networks in a file. With `newHead` their last layer is a new one, for other classes:
 * weights 0 and biases 1, as the original has it for networks of ImageNet.
 *
 * @throws UsageError when they are of another architecture, or for images or classes of other sizes.
 */
export function thetasOf(
  net: Net,
  file: NetworkFile,
  newHead = false,
): Float32Array<ArrayBuffer> {
  const { arch = net.name, input, classes, dataset = "unknown data" } = file.metadata;
  const isCustom = arch.startsWith("["); // a list of layers: its parameters tell whether it fits
  if (isCustom ? net.name !== "custom" : arch !== net.name) {
    throw new UsageError(
      `Cannot use the networks of ${file.path}: got arch ${arch}, expected ${net.name} as in the ` +
        `recipe; train networks of that arch, or set arch`,
    );
  }
  try {
    return importNetworks(net, newHead ? withNewHead(net, file.tensors) : file.tensors);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    const { channels, height, width } = net.input;
    const trained = input ? `${dataset}, images ${input} and ${classes} classes` : dataset;
    throw new UsageError(
      `Cannot use the networks of ${file.path} (${trained}) on images ` +
        `[${channels}, ${height}, ${width}] and ${net.classes} classes: ${cause.message}`,
      { cause },
    );
  }
}

function withNewHead(
  net: Net,
  tensors: Record<string, FloatTensor>,
): Record<string, FloatTensor> {
  const [first] = net.parameters;
  const leading = tensors[first!.name]?.shape ?? [];
  const networks = leading.slice(0, leading.length - first!.shape.length); // [R], or [] for one
  const head = net.parameters.slice(-2).map(({ name, shape, initial }) => {
    const whole = [...networks, ...shape];
    const data = new Float32Array(whole.reduce((a, b) => a * b, 1)).fill(
      initial === "bias" ? 1 : 0,
    );
    return [name, { shape: whole, data }];
  });
  return { ...tensors, ...Object.fromEntries(head) };
}

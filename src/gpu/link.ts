/** Link: a WGSL file with the files that its first line says it uses, each once, before it. */
import each from "../../kernels/shared/each.wgsl" with { type: "text" };
import finite from "../../kernels/shared/finite.wgsl" with { type: "text" };
import loss from "../../kernels/shared/loss.wgsl" with { type: "text" };
import row from "../../kernels/shared/row.wgsl" with { type: "text" };
import sizes from "../../kernels/shared/sizes.wgsl" with { type: "text" };
import slices from "../../kernels/shared/slices.wgsl" with { type: "text" };
import unpool from "../../kernels/shared/unpool.wgsl" with { type: "text" };
import weights from "../../kernels/shared/weights.wgsl" with { type: "text" };
import windows from "../../kernels/shared/windows.wgsl" with { type: "text" };

const SHARED: Readonly<Record<string, string>> = {
  "shared/each.wgsl": each,
  "shared/finite.wgsl": finite,
  "shared/loss.wgsl": loss,
  "shared/row.wgsl": row,
  "shared/sizes.wgsl": sizes,
  "shared/slices.wgsl": slices,
  "shared/unpool.wgsl": unpool,
  "shared/weights.wgsl": weights,
  "shared/windows.wgsl": windows,
};

/** WGSL ready to compile. */
export interface Source {
  /** The file's name. */
  readonly name: string;
  /** The file and all that it uses. */
  readonly text: string;
  /** Where line `line` of the text (from 1) stands, as file:line. */
  locate(line: number): string;
}

/**
 * Links the file `name` with all that it uses: files of kernels/shared and others of `files`.
 *
 * @param files WGSL by path from kernels/, `name` among them.
 * @throws RangeError for a file that is in neither.
 */
export function link(name: string, files: Readonly<Record<string, string>>): Source {
  const order: { path: string; text: string; lines: number }[] = [];
  const add = (path: string) => {
    const text = files[path] ?? SHARED[path];
    if (text === undefined) {
      throw new RangeError(`Cannot link ${name}: got no ${path}, expected one of the files given`);
    }
    const [, uses] = /^\/\/ uses: (.*)/.exec(text) ?? [];
    for (const used of uses?.split(", ") ?? []) {
      if (!order.some((file) => file.path === used)) add(used);
    }
    const whole = text.endsWith("\n") ? text : `${text}\n`;
    order.push({ path, text: whole, lines: whole.split("\n").length - 1 });
  };
  add(name);
  return {
    name,
    text: order.map(({ text }) => text).join(""),
    locate(line) {
      for (const { path, lines } of order) {
        if (line <= lines) return `kernels/${path}:${line}`;
        line -= lines;
      }
      return `kernels/${name}`;
    },
  };
}

// check_layer: the tests every oracle layer passes, registered under its symbol's name.

import type { OracleLayer } from "../../src/oracle/layer.ts";
import { dot } from "../../src/oracle/vector.ts";
import { assertClose, directional, gradient, moved, random } from "./numeric.ts";

/** Tests jvp, vjp and hvp of a layer at x [n, inSize] and w [params], a point off its kinks. */
export function checkLayer(
  symbol: string,
  layer: OracleLayer,
  x: Float64Array,
  n: number,
  w = random(layer.params, 11),
): void {
  const xDot = random(x.length, 12);
  const wDot = random(w.length, 13);
  const yBar = random(n * layer.outSize, 14);
  const yBarDot = random(n * layer.outSize, 15);

  Deno.test(`${symbol} jvp matches central differences`, () => {
    const yDot = layer.jvp(x, w, xDot, wDot, n);
    assertClose(yDot, directional((h) => layer.fwd(moved(x, xDot, h), moved(w, wDot, h), n)));
  });

  Deno.test(`${symbol} vjp matches central differences`, () => {
    const { xBar, wBar } = layer.vjp(x, w, yBar, n);
    assertClose(xBar, gradient((at) => dot(yBar, layer.fwd(at, w, n)), x));
    assertClose(wBar, gradient((at) => dot(yBar, layer.fwd(x, at, n)), w));
  });

  Deno.test(`${symbol} hvp matches central differences`, () => {
    const { xBarDot, wBarDot } = layer.hvp(x, w, xDot, wDot, yBar, yBarDot, n);
    const movedVjp = (h: number) =>
      layer.vjp(moved(x, xDot, h), moved(w, wDot, h), moved(yBar, yBarDot, h), n);
    assertClose(xBarDot, directional((h) => movedVjp(h).xBar));
    assertClose(wBarDot, directional((h) => movedVjp(h).wBar));
  });

  Deno.test(`${symbol} vjp is the adjoint of jvp`, () => {
    const { xBar, wBar } = layer.vjp(x, w, yBar, n);
    const yDot = layer.jvp(x, w, xDot, wDot, n);
    assertClose([dot(xBar, xDot) + dot(wBar, wDot)], [dot(yBar, yDot)], 1e-11);
  });
}

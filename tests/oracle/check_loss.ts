// check_loss: the tests every oracle loss passes, registered under its symbol's name.
//
//   labelTangent is ∂²ℓ/∂y∂z ż, so it is checked as the gradient in y of ⟨∂ℓ/∂z, ż⟩.

import type { OracleLoss } from "../../src/oracle/loss.ts";
import { dot } from "../../src/oracle/vector.ts";
import { assertClose, directional, gradient, moved, random } from "./numeric.ts";

/** Tests gradient, tangent and labelTangent of a loss at z and y [n,k]. */
export function checkLoss(
  symbol: string,
  loss: OracleLoss,
  z: Float64Array,
  y: Float64Array,
  n: number,
  k: number,
): void {
  const zDot = random(z.length, 16);

  Deno.test(`${symbol} gradient matches central differences`, () => {
    assertClose(loss.gradient(z, y, n, k), gradient((at) => loss.value(at, y, n, k), z));
  });

  Deno.test(`${symbol} tangent matches central differences`, () => {
    const numeric = directional((h) => loss.gradient(moved(z, zDot, h), y, n, k));
    assertClose(loss.tangent(z, zDot, y, n, k), numeric);
  });

  Deno.test(`${symbol} labelTangent matches central differences`, () => {
    const numeric = gradient((at) => dot(loss.gradient(z, at, n, k), zDot), y);
    assertClose(loss.labelTangent(z, zDot, y, n, k), numeric);
  });
}

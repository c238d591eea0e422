// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
/**
 * Pretrained: trained networks that a run starts from, in place of drawn ones.
 *
 * With `init: fixed` it is the first of the file. With `init: random` every iteration takes a sample of
 * `networks` different ones, and the last `test_networks` of the file are held out: they are never in
 * a sample, and accuracy is measured on them alone.
 */
import { permutation } from "../sets/batches.ts";
import type { Net } from "../nets/net.ts";
import { type NetworkFile, readNetworks, thetasOf } from "../store/network_file.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { trainAdvice } from "../recipe/train_advice.ts";
import { UsageError } from "../base/usage_error.ts";

/** Draws of samples are numbered from here, that they may be others than the orders of epochs. */
const FIRST_SAMPLE = 0x80000000;

/** The file of trained networks that a recipe names, if it does. @throws as `readNetworks` does. */
export async function networksOf(recipe: Recipe): Promise<NetworkFile | undefined> {
  const { pretrained } = recipe;
  return pretrained === "none" ? undefined : await readNetworks(pretrained, trainAdvice(recipe));
}

/** How many networks a run needs, and what for. */
export type Needs =
  & Pick<Recipe, "init" | "networks" | "test_networks" | "seed">
  & Partial<Pick<Recipe, "new_head">>;

/** Networks of a file, divided into those to distil for and those to measure on. */
export class Pretrained {
  /** θ [K, P] of the networks to measure on: the held-out ones, or the one of a fixed initialisation. */
  readonly tested: Float32Array<ArrayBuffer>;
  /** θ [K, P] of the networks that samples are taken from. */
  readonly sampled: Float32Array<ArrayBuffer>;
  readonly #net: Net;
  readonly #needs: Needs;

  /**
   * @throws UsageError when they are of another kind, too few, or their training was stopped.
   */
  constructor(net: Net, file: NetworkFile, needs: Needs) {
    this.#net = net;
    this.#needs = needs;
    const thetas = thetasOf(net, file, needs.new_head);
    const count = thetas.length / net.stride;
    const { networks: meant = `${count}` } = file.metadata;
    if (count !== Number(meant)) {
      throw new UsageError(
        `Cannot use the networks of ${file.path}: got ${count} of ${meant}, since their training was ` +
          `stopped; finish it by the command that began it, with --resume`,
      );
    }
    const { init, networks, test_networks } = needs;
    const sampled = init === "fixed" ? 1 : count - test_networks;
    const first = init === "fixed" ? 0 : sampled;
    const tested = init === "fixed" ? 1 : test_networks;
    if (sampled < networks) {
      throw new UsageError(
        `Cannot use the networks of ${file.path}: got ${count}, expected at least ` +
          `${networks + test_networks}: networks ${networks} to sample and test_networks ` +
          `${test_networks} to hold out; lower these settings, as by --set test_networks=` +
          `${Math.max(1, count - networks)}, or train that many into another file`,
      );
    }
    this.tested = thetas.subarray(first * net.stride, (first + tested) * net.stride);
    this.sampled = thetas.subarray(0, sampled * net.stride);
  }

  /** Numbers of the networks in the sample of iteration k, [networks], all different. */
  numbers(k: number): Uint32Array {
    const { networks, seed } = this.#needs;
    const count = this.sampled.length / this.#net.stride;
    return permutation(count, seed, FIRST_SAMPLE + k).subarray(0, networks);
  }

  /** θ [networks, P] of the sample of iteration k. */
  sample(k: number): Float32Array<ArrayBuffer> {
    const { stride } = this.#net;
    const theta = new Float32Array(this.#needs.networks * stride);
    this.numbers(k).forEach((number, r) => {
      theta.set(this.sampled.subarray(number * stride, (number + 1) * stride), r * stride);
    });
    return theta;
  }
}

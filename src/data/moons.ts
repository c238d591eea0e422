// The built-in two moons, from the tables embedded in the program.
import test from "../../examples/moons/test.csv" with { type: "text" };
import train from "../../examples/moons/train.csv" with { type: "text" };
import type { Dataset } from "../sets/dataset.ts";
import { datasetOf, parseTable } from "./csv.ts";

/**
 * Loads the two moons of Medvedev and D'yakonov 2020: 1005 training and 495 test points of the plane in two
 * classes, normalised as any table.
 */
export function loadMoons(): Dataset {
  return datasetOf(
    "moons",
    parseTable("the built-in moons/train.csv", train, ["label"]),
    parseTable("the built-in moons/test.csv", test, ["label"]),
  );
}

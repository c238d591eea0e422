// SVG text of plots by Observable Plot, in the style that all of them share.
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { printable } from "../base/text.ts";
import { DOMParser } from "npm:linkedom@0.18.12";

/** Axis labels in the middle, without arrows. */
export const CENTRED = { labelAnchor: "center", labelArrow: "none" } as const;

const STYLE = { background: "white", color: "#222", fontFamily: "sans-serif", fontSize: "12px" };

/** Draws a plot, its shapes to a hundredth of a pixel; the same options give the same text. */
export function svgOf(options: Plot.PlotOptions): string {
  const document = new DOMParser().parseFromString("<html></html>", "text/html");
  const svg = Plot.plot({ document, style: STYLE, ...options });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const text = printable(svg.outerHTML); // XML has no control characters
  return `${text.replace(/ d="[^"]*"/g, (path) => path.replace(/\d+\.\d{3,}/g, rounded))}\n`;
}

function rounded(number: string): string {
  return String(Number(Number(number).toFixed(2)));
}

/** What a plot shows, above its frame on the left. */
export function heading(title: string): Plot.Markish {
  return Plot.text([title], { frameAnchor: "top-left", dy: -22, fontSize: 14, fontWeight: "bold" });
}

// Points of the plane, and what networks say of every place in it, as SVGs.
// @ts-types="npm:@types/d3-contour@3.0.6"
import { contours } from "npm:d3-contour@4.0.3";
import * as Plot from "npm:@observablehq/plot@0.6.17";
import type { Points } from "./scatter.ts";
import { CENTRED, svgOf } from "./svg.ts";

/** A stretch of the plane and what is in it. */
export interface Plane {
  /** What x and y are called. */
  readonly axes: readonly [string, string];
  /** Least and largest x, and y. */
  readonly domain: readonly [readonly [number, number], readonly [number, number]];
  /** What the classes are called. */
  readonly classNames: readonly string[];
}

/** Distilled points over real ones. */
export interface PointsPlot extends Plane {
  /** Above the frame, on the left. */
  readonly title: string;
  /** Small and pale. */
  readonly real: Points;
  /** Large, with an edge. */
  readonly distilled: Points;
}

/** What several networks say that were trained on the same points. */
export interface Panel {
  /** Column and row of the panel. */
  readonly column: string;
  readonly row: string;
  /** Below on the right of it. */
  readonly caption: string;
  /** What they were trained on. */
  readonly points: Points;
  /** For each class the share of networks that say it, at [side, side] places evenly over the domain, y first. */
  readonly votes: readonly ArrayLike<number>[];
}

/** Panels side by side. */
export interface RegionsPlot extends Plane {
  /** Above all, on the left. */
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Where more than half of the networks say a class it is tinted; where nine of ten do, twice. */
const SHARES = [0.5, 0.9];

const PANEL = { width: 250, height: 200 };
const FRAME = { marginTop: 72, marginBottom: 46, marginLeft: 60, marginRight: 24 };
const DOT = { strokeLinecap: "round" } as const;
const PALE = { ...DOT, strokeWidth: 3, strokeOpacity: 0.35 };
const ON_REGIONS = { ...DOT, strokeWidth: 2.4, strokeOpacity: 0.8 };
const LARGE = { r: 3.5, stroke: "#222", strokeWidth: 0.8 };

/** Draws distilled points over real ones; the same plot gives the same text. */
export function plotPoints({ title, real, distilled, ...plane }: PointsPlot): string {
  const { classNames, domain } = plane;
  return svgOf({
    width: 640,
    height: 480,
    ...FRAME,
    ...scalesOf(plane),
    marks: [
      ...background(title, classNames),
      Plot.geo(cloudsOf(real, classNames, domain), { ...CLOUD, ...PALE }),
      Plot.dot(placesOf(distilled), {
        x: "x",
        y: "y",
        fill: ({ label }: { label: number }) => classNames[label],
        ...LARGE,
      }),
    ],
  });
}

/** Draws decision regions in rows and columns of panels; the same plot gives the same text. */
export function plotRegions({ title, panels, ...plane }: RegionsPlot): string {
  const { classNames, domain } = plane;
  const names = (of: (panel: Panel) => string) => [...new Set(panels.map(of))];
  const [columns, rows] = [names(({ column }) => column), names(({ row }) => row)];
  const at = ({ column, row }: Panel) => ({ column, row });
  const regions = panels.flatMap((panel) =>
    panel.votes.flatMap((shares, k) =>
      regionsOf(shares, domain).map((geometry) => ({
        ...at(panel),
        className: classNames[k]!,
        geometry,
      }))
    )
  );
  const clouds = panels.flatMap((panel) =>
    cloudsOf(panel.points, classNames, domain).map((cloud) => ({ ...at(panel), ...cloud }))
  );
  const facet = { fx: "column", fy: "row" };
  const caption = { frameAnchor: "bottom-right", dx: -4, dy: -4, text: "caption" } as const;
  return svgOf({
    width: FRAME.marginLeft + FRAME.marginRight + 90 + PANEL.width * columns.length,
    height: FRAME.marginTop + FRAME.marginBottom + PANEL.height * rows.length,
    ...FRAME,
    marginRight: FRAME.marginRight + 90,
    ...scalesOf(plane),
    fx: { domain: columns, label: null },
    fy: { domain: rows, label: null },
    marks: [
      ...background(title, classNames),
      Plot.geo(regions, { ...facet, geometry: "geometry", fill: "className", fillOpacity: 0.3 }),
      Plot.geo(clouds, { ...facet, ...CLOUD, ...ON_REGIONS }),
      Plot.text(panels, { ...facet, ...caption, stroke: "white", fill: "#222" }),
    ],
  });
}

function scalesOf({ axes, domain, classNames }: Plane): Plot.PlotOptions {
  return {
    x: { ...CENTRED, domain: domain[0], label: axes[0], ticks: 5 },
    y: { ...CENTRED, domain: domain[1], label: axes[1], ticks: 5 },
    color: { domain: classNames, scheme: "tableau10" },
  };
}

/** The frame, what is drawn, and what the colours mean. */
function background(title: string, classNames: readonly string[]): Plot.Markish[] {
  const above = { frameAnchor: "top-left", dy: -58, facet: "super" } as const;
  return [
    Plot.frame({ stroke: "#bbb" }),
    Plot.text([title], { ...above, fontSize: 14, fontWeight: "bold" }),
    ...classNames.map((name, k) =>
      Plot.text([`● ${name}`], { ...above, dy: -36, dx: 60 * k, fill: () => name })
    ),
  ];
}

/** A point and its class. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly label: number;
}

function placesOf({ values, labels }: Points): Place[] {
  return Array.from(labels, (label, n) => ({ x: values[2 * n]!, y: values[2 * n + 1]!, label }));
}

/**
 * The points of each class in a stretch of the plane as one shape, lines of no length with round ends: an element a point would make files
 * large.
 */
function cloudsOf(points: Points, classNames: readonly string[], domain: Plane["domain"]) {
  const isIn = ([low, high]: readonly [number, number], at: number) => low <= at && at <= high;
  const places = placesOf(points).filter(({ x, y }) => isIn(domain[0], x) && isIn(domain[1], y));
  return classNames.map((className, k) => {
    const own = places.filter(({ label }) => label === k);
    const coordinates = own.map(({ x, y }) => [[x, y], [x, y]]);
    return { className, geometry: { type: "MultiLineString", coordinates } };
  });
}

const CLOUD = { geometry: "geometry", stroke: "className" } as const;

/** The outlines of where shares are above each of SHARES, in the units of the axes. */
function regionsOf(shares: ArrayLike<number>, [[left, right], [low, high]]: Plane["domain"]) {
  const side = Math.sqrt(shares.length);
  const place = ([x = 0, y = 0]: number[]) => [
    left + (right - left) * (x - 0.5) / (side - 1),
    low + (high - low) * (y - 0.5) / (side - 1),
  ];
  return contours().size([side, side]).thresholds(SHARES)(Array.from(shares)).map((found) => ({
    type: "MultiPolygon",
    coordinates: found.coordinates.map((rings) => rings.map((ring) => ring.map(place))),
  }));
}

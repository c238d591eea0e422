// hugging_face: a distilled set as a repository of the hub: a card and one parquet file.
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { datasetCard, PARQUET } from "./dataset_card.ts";
import { type DistilledSet, namesOf, type Training } from "./distilled_set.ts";
import { companions, encodeImages, type Files } from "./image_folder.ts";

/** The files of a folder that `datasets.load_dataset` reads. */
export function huggingFace(set: DistilledSet): Files {
  return { "README.md": datasetCard(set, "hf"), ...companions(set), [PARQUET]: encodeRows(set) };
}

const LIST = [
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", type: "FLOAT", repetition_type: "OPTIONAL" },
] as const;

/** Columns of the rows, nested ones before their children. */
const SCHEMA = [
  { name: "root", num_children: 5 },
  { name: "image", repetition_type: "OPTIONAL", num_children: 2 },
  { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
  { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  { name: "label", type: "INT64", repetition_type: "OPTIONAL" },
  { name: "soft_label", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
  ...LIST,
  { name: "step", type: "INT64", repetition_type: "OPTIONAL" },
  { name: "pixels", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
  ...LIST,
] as const;

/** A row an image, in step order. */
function encodeRows(set: DistilledSet): Uint8Array {
  const { images, softLabels, labels, steps, training } = set;
  const rowsOf = (data: Float32Array) => {
    const size = data.length / labels.length;
    return labels.map((_, n) => [...data.subarray(n * size, (n + 1) * size)]);
  };
  const buffer = parquetWriteBuffer({
    schema: [...SCHEMA],
    columnData: [
      { name: "image", data: encodeImages(set).map(({ path, png }) => ({ bytes: png, path })) },
      { name: "label", data: labels.map(BigInt) },
      { name: "soft_label", data: rowsOf(softLabels.data) },
      { name: "step", data: steps.map(BigInt) },
      { name: "pixels", data: rowsOf(images.data) },
    ],
    kvMetadata: [{ key: "huggingface", value: JSON.stringify(featuresOf(training)) }],
  });
  return new Uint8Array(buffer);
}

/** What `datasets` makes of the columns; the card says the same to the hub. */
function featuresOf(training: Training) {
  const numbers = { feature: { dtype: "float32", _type: "Value" }, _type: "Sequence" };
  const features = {
    image: { _type: "Image" },
    label: { names: namesOf(training), _type: "ClassLabel" },
    soft_label: numbers,
    step: { dtype: "int64", _type: "Value" },
    pixels: numbers,
  };
  return { info: { features } };
}

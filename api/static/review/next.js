// What a reviewer can do next about a rule, so that more is known of it. Pure.

/** Fewer right or wrong samples than this are too few to fit a threshold to (`MIN_SIDE` of the server). */
export const MIN_SIDE = 8;

/**
 * What can be done, the first thing first; nothing if the rule has given no tag and nobody has decided.
 * @param {import("./types.js").Rule} rule
 * @returns {{key: "qualityFirst" | "qualityMore" | "qualityKnown" | "qualityRight" | "qualityFit" | "qualityFittable",
 *   values: Record<string, number>}[]}
 */
export function next({ tags, precision, recall }) {
  const { proposed = 0, accepted = 0, rejected = 0, corrected = 0 } = tags;
  const right = accepted + corrected;
  if (proposed + right + rejected === 0) return [];
  if (right + rejected === 0) return [{ key: "qualityFirst", values: { count: precision.missing } }];
  const known = precision.missing === 0;
  const lacks = { yes: Math.max(0, MIN_SIDE - right), no: Math.max(0, MIN_SIDE - rejected) };
  return [
    { key: known ? "qualityKnown" : "qualityMore", values: { count: precision.missing } },
    ...(recall.missing ? [/** @type {const} */ ({ key: "qualityRight", values: { count: recall.missing } })] : []),
    lacks.yes || lacks.no ? { key: "qualityFit", values: lacks } : { key: "qualityFittable", values: {} },
  ];
}

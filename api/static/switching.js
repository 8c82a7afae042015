// Which steps of a switch of models can be taken. Pure.

const STEPS = {
  embedding: ["prepare", "finish"],
  ready: ["cut", "prepare", "finish"],
  switched: ["rollback", "finish"],
};

/**
 * The steps that can be asked for, the one that leads on first.
 * @param {import("./types.js").ModelSwitch["state"]} state
 * @param {string} target the model to prepare, or "" if there is none
 * @returns {import("./types.js").Step[]}
 */
export function stepsOf(state, target) {
  if (state === "none") return target ? ["prepare"] : [];
  return /** @type {import("./types.js").Step[]} */ (STEPS[state]);
}

/**
 * Whether a step embeds videos, and can leave out those that cannot be read.
 * @param {import("./types.js").Step | ""} step
 */
export const readsVideos = (step) => step !== "" && step !== "finish";

/** @param {{state: import("./types.js").Job["state"]}} job */
export const isOver = ({ state }) => state !== "waiting" && state !== "running";

/** @param {{progress: {share: number}} | null} job */
export const shareOf = (job) => job?.progress.share ?? 0;

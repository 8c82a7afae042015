// The answers of the API about tags and their review, as far as the page reads them.

/**
 * @typedef {object} ReviewSample
 * @property {string} id
 * @property {string} title
 * @property {number} duration seconds of the whole video
 * @property {number} start
 * @property {number} end
 * @property {string} rule
 * @property {number} relevance
 * @property {string} thumbnail_url
 * @property {string} play_url
 *
 * @typedef {object} Rate a share of samples that were reviewed, with its interval of 95 %
 * @property {number | null} share null of none
 * @property {number} low
 * @property {number} high
 * @property {number} samples
 * @property {number} missing how many more make the interval at most 0.1 wide
 *
 * @typedef {object} Rule a rule that gives tags, as far as a review shows it
 * @property {string} name
 * @property {{[state in "proposed" | "accepted" | "rejected" | "corrected"]?: number}} tags
 * @property {Rate} precision
 * @property {Rate} recall
 *
 * @typedef {object} Annotators how much annotators agree, and how long they take
 * @property {{annotators: string[], samples: number, agreed: number, kappa: number | null}[]} pairs
 * @property {{annotator: string, decisions: number, seconds: number}[]} annotators
 * @property {number} disputed
 */

export {};

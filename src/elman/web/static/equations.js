// The moves of "Follow the numbers": forward a symbol at a time, then backward an edge at a
// time; for each the equations with their numbers, as tables, products and outer products.

import { backwardMoves } from "./backward.js";
import { forwardMove } from "./forward.js";

/** All moves of an answer of /api/steps. Each is {phase, t, kind, layer, title, parts, marks}:
 * `marks` are the nodes and edges of the graph that it is about. */
export function movesOf(data) {
  const moves = [];
  for (let t = 0; t < data.steps; t += 1) moves.push(forwardMove(data, t));
  for (let t = data.steps - 1; t >= 0; t -= 1) moves.push(...backwardMoves(data, t));
  moves.forEach((move, number) => Object.assign(move, { number }));
  return moves;
}

/** A link on the canvas: the way the geometry gave it, and the word of its branch. */

import { BaseEdge, type Edge, EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import type { Route } from "../../design/geometry";

export interface LinkData extends Record<string, unknown> {
  readonly route: Route | null;
  readonly branch: string | null; // yes or no
  readonly isLit: boolean;
  readonly errors: number;
}

export type LinkEdge = Edge<LinkData, "link">;

export const LinkLine = memo(function LinkLine(props: EdgeProps<LinkEdge>) {
  const { id, data, selected, sourceX, sourceY, targetX, targetY } = props;
  const path = data?.route?.path ?? `M${sourceX} ${sourceY} L${targetX} ${targetY}`;
  const word = data?.route?.word;
  const look = [
    "design-link",
    selected ? "selected" : "",
    data?.isLit ? "lit" : "",
    data?.errors ? "bad" : "",
  ];
  return (
    <>
      <BaseEdge
        id={id}
        path={path}
        className={look.filter(Boolean).join(" ")}
        markerEnd={props.markerEnd ?? ""}
        interactionWidth={18}
      />
      {data?.branch && word && (
        <EdgeLabelRenderer>
          <span
            className="design-branch"
            style={{ transform: `translate(${word.x}px, ${word.y - 8}px)` }}
          >
            {data.branch}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

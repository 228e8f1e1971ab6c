import type { Estimate, RouteExplanation } from "@estafette/relay";

export function renderRoute(route: RouteExplanation): object {
  return {
    by: route.by,
    destination: route.destination,
    bytes: route.bytes,
    class: route.class,
    deadline_ms: route.deadlineMs,
    why: route.why,
    ways: route.ways.map((way) => ({
      neighbour: way.neighbour,
      link: way.link,
      target: way.target,
      in_conversation: way.inConversation,
      air_bytes: way.airBytes,
      cost: way.cost,
      eta_ms: way.etaMs,
      basis: way.basis,
      meets_deadline: way.meetsDeadline,
      chosen: way.chosen,
    })),
  };
}

export function renderEstimate({ parts }: Estimate): unknown {
  return {
    air_bytes: parts.reduce((sum, part) => sum + part.airBytes, 0),
    parts: parts.map((part) => ({
      to: part.to,
      body_bytes: part.bodyBytes,
      envelope_bytes: part.envelopeBytes,
      air_bytes: part.airBytes,
      joined_with: part.joinedWith,
      route: renderRoute(part.route),
    })),
  };
}

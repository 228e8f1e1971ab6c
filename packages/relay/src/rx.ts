/**
 * The only door to RxJS, and the operators in use. RxJS 9 removes `.pipe`: then this file and lane.ts change.
 * No operator that takes time is here: time comes through Clock.
 */
export {
  catchError,
  concatMap,
  defer,
  EMPTY,
  exhaustMap,
  from,
  type Observable,
  of,
  repeat,
  Subject,
  type Subscription,
} from "rxjs";

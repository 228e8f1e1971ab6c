import { EXIT } from "../exit.js";
import type { Io } from "../io.js";
import { Screen } from "./screen.js";
import { answerMail, DemoFailure, summaryOf, tellStory } from "./story.js";
import { createDemoWorld, type DemoOptions, type DemoWorld } from "./world.js";

/** Runs the demo; resolves with the exit code. */
export async function runDemo(options: DemoOptions, io: Io, json: boolean): Promise<number> {
  const screen = new Screen(json ? io.err : io.out, io.isTerminal && !json);
  const interrupted = interruption();
  const world = await createDemoWorld(options);
  let stopWatching = (): void => {};
  try {
    introduce(world, options, screen);
    stopWatching = watch(world, screen);
    const story = await Promise.race([tellStory(world, screen), interrupted.reached]);
    if (story === null) return EXIT.ok;
    screen.say(summaryOf(story));
    if (json)
      io.out(
        `${JSON.stringify({ speed: options.speed, loss: options.frameLoss, seed: options.seed, ...story })}\n`,
      );
    if (story.crossings.some((crossing) => !crossing.verified)) return EXIT.problems;
    if (io.isTerminal && !json) await stay(world, screen, interrupted.reached);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error;
    io.err(`demo: ${error.message}\n`);
    return EXIT.problems;
  } finally {
    interrupted.forget();
    stopWatching();
    await world.close();
  }
}

function introduce({ aurora, shore }: DemoWorld, options: DemoOptions, screen: Screen): void {
  screen.say("Two gateways, nothing leaves this machine:");
  screen.say(`  aurora  a ship:  mail programs send to ${aurora.submission.host}:${aurora.submission.port}`);
  screen.say(`  shore   a station: puts mail into ${shore.mailbox}`);
  screen.say(
    `Between them an emulated radio: 1200 bit/s, one side speaks at a time, 0.2 s to turn round, ${Math.round(options.frameLoss * 100)} %`,
  );
  screen.say(
    `of the frames lost. Scaled: its air runs ${options.speed} times faster than at sea; what the gateways themselves wait is not scaled.`,
  );
  screen.say("");
}

function watch({ aurora, shore }: DemoWorld, screen: Screen): () => void {
  const ends = [aurora, shore].map(({ gateway }) => {
    return gateway.relay.listen((event) => screen.show(gateway.name, event));
  });
  return () => {
    for (const end of ends) end();
  };
}

async function stay(world: DemoWorld, screen: Screen, end: Promise<null>): Promise<void> {
  const { aurora, shore } = world;
  const stopAnswering = await answerMail(world, screen);
  const { host, port } = aurora.submission;
  screen.say("\nNow you. Let your mail program send by SMTP, without encryption (it is your own machine):");
  screen.say(`  server ${host}, port ${port}, user ${aurora.user}, password ${aurora.password}`);
  screen.say(`  from ${aurora.address} to ${shore.address}; the answer lands in ${aurora.mailbox}`);
  screen.say(
    `  or: echo "All well" | estafette send --socket ${aurora.gateway.socket} -s Test ${shore.address}`,
  );
  screen.say("Ctrl-C ends the demo and removes its folder.\n");
  await end;
  stopAnswering();
}

function interruption(): { readonly reached: Promise<null>; forget(): void } {
  let settle: (value: null) => void = () => {};
  const reached = new Promise<null>((resolve) => {
    settle = resolve;
  });
  const onSignal = (): void => settle(null);
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    reached,
    forget: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}

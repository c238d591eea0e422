// program: the commands and their options, and what becomes of their outcomes and errors.
import { Command, CommanderError, Option } from "npm:commander@15.1.0";
import { advise } from "./advice.ts";
import { printable } from "../base/text.ts";
import { acrossCommand, type AcrossFlags } from "./across_command.ts";
import { baselinesCommand, type BaselinesFlags } from "./baselines_command.ts";
import { compareCommand } from "./compare_command.ts";
import { distillCommand, type DistillFlags } from "./distill_command.ts";
import { exportCommand, type ExportFlags } from "./export_command.ts";
import { linearCommand, type LinearFlags } from "./linear_command.ts";
import {
  alternatives,
  architecture,
  architectures,
  assignment,
  bytes,
  integer,
  MAX_SEED,
  positive,
  pretrained,
  words,
} from "./option_values.ts";
import {
  dataCommand,
  type DataFlags,
  evaluateCommand,
  gradcheckCommand,
  type GradcheckFlags,
  infoCommand,
} from "./other_commands.ts";
import { InterruptedError } from "./interrupt.ts";
import { isRefusal, permissionAdvice, wouldAsk } from "./permissions.ts";
import { plotCommand, type PlotFlags } from "./plot_command.ts";
import { recipesCommand, showRecipeCommand } from "./recipes_command.ts";
import type { Outcome, Retort, Session, Terminal } from "./session.ts";
import { sweepCommand, type SweepFlags } from "./sweep_command.ts";
import { trainCommand, type TrainFlags } from "./train_command.ts";

const DONE = 0;
const FAILED = 1;
const BAD_USAGE = 2;
const NO_ADAPTER = 3;

/** Runs one command line to its end and gives the exit status. */
export async function run(
  args: readonly string[],
  retort: Retort,
  given: Terminal,
): Promise<number> {
  const terminal: Terminal = { // what is said may have come from a file or a server
    print: (line) => given.print(printable(line)),
    note: (line) => given.note(printable(line)),
  };
  let status = DONE;
  const program = createProgram(args, retort, terminal);
  const finish = ({ values, lines, failed }: Outcome) => {
    if (program.opts().json) terminal.print(JSON.stringify(retort.snakeKeys(values)));
    else lines.forEach((line) => terminal.print(line));
    if (failed) status = FAILED;
  };
  const session = (): Session => {
    const { quiet = false, verbose = false } = program.opts();
    return { ...terminal, retort, quiet, verbose };
  };
  addDistill(program, async (flags) => finish(await distillCommand(session(), flags)));
  addEvaluate(program, retort, async (dirs, flags) => {
    const isTable = dirs.length > 1 || flags.arch !== undefined || flags.strategy !== undefined;
    const evaluated = isTable
      ? acrossCommand(session(), dirs, flags)
      : evaluateCommand(session(), dirs[0]!, flags);
    finish(await evaluated);
  });
  addTrain(program, async (flags) => finish(await trainCommand(session(), flags)));
  addExport(
    program,
    retort,
    async (dir, flags) => finish(await exportCommand(session(), dir, flags)),
  );
  addSweep(program, async (flags) => finish(await sweepCommand(session(), flags)));
  addBaselines(program, retort, async (flags) => {
    finish(await baselinesCommand(session(), flags));
  });
  addGradcheck(program, retort, async (flags) => finish(await gradcheckCommand(session(), flags)));
  addLinear(program, async (flags) => finish(await linearCommand(session(), flags)));
  addRecipes(program, {
    list: () => finish(recipesCommand(session())),
    show: async (name) => finish(await showRecipeCommand(session(), name)),
  });
  program.command("compare").argument("<dirs...>", "folders of finished runs")
    .description("compare finished runs: accuracies, times, and the settings that differ")
    .action(async (dirs: string[]) => finish(await compareCommand(session(), dirs)));
  addPlot(program, async (dirs, flags) => finish(await plotCommand(session(), dirs, flags)));
  addData(program, async (name, flags) => finish(await dataCommand(session(), name, flags)));
  program.command("info").description("describe the WebGPU adapter")
    .action(async () => finish(await infoCommand(session())));
  addHelp(program, retort);
  for (const command of program.commands.flatMap((each) => [each, ...each.commands])) {
    command.exitOverride(advise(command, retort));
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    const { json = false, verbose = false } = program.opts();
    const { status, message } = describeError(error, args, retort);
    if (status === DONE) return DONE; // --help, --version
    if (!isHelp(error)) terminal.note(message);
    if (verbose && error instanceof Error) terminal.note(error.stack ?? "");
    if (json) terminal.print(JSON.stringify({ error: { message, status } }));
    return status;
  }
}

function createProgram(
  args: readonly string[],
  retort: Retort,
  terminal: Terminal,
): Command {
  const trimmed = (text: string) => text.replace(/\n$/, "");
  return new Command("retort")
    .description("Distils a data set into a few images by gradient descent through training.")
    .version(retort.version, "--version", "print the version")
    .option("--json", "print the results, or the error, as one JSON object")
    .option("--quiet", "show no progress")
    .option("--verbose", "show the memory plan, dispatches, and where an error comes from")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.print(trimmed(text)),
      writeErr: (text) => terminal.note(trimmed(text)),
      outputError: () => {}, // reportError does
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .helpCommand(false) // addHelp has one that knows what it does not know
    .hook("preAction", async () => {
      if (await wouldAsk()) throw new Deno.errors.NotCapable(permissionAdvice(args));
    })
    .exitOverride();
}

function addDistill(
  program: Command,
  action: (flags: DistillFlags) => Promise<void>,
): void {
  const setting = (flag: string) => integer(flag, 1);
  program.command("distill")
    .description("distil a data set; without --recipe one is chosen to suit the adapter")
    .option("--recipe <name|file>", "built-in recipe or YAML file")
    .option("--set <key=value>", "any setting of the recipe; may be repeated", assignment)
    .option("--dataset <name>", "data set, such as cifar10, hf:OWNER/NAME, folder:PATH or csv:PATH")
    .option("--arch <name|layers>", "network: a name, or a list as in a recipe", architecture)
    .option("--epochs <n>", "passes over all steps", setting("--epochs"))
    .option("--networks <n>", "networks in an iteration", setting("--networks"))
    .option("--batch <n>", "real images in an iteration", setting("--batch"))
    .option("--soft-labels", "learn the labels too")
    .option("--iterations <n>", "outer iterations", setting("--iterations"))
    .option("--out <dir>", "folder of the results (default: out/ and the recipe's name, numbered)")
    .option("--memory-budget <size>", "GPU memory, such as 512MB", bytes("--memory-budget"))
    .option("--resume", "go on with the run in the folder; with --iterations, beyond its end")
    .option("--dry-run", "say what the run would take, from a few iterations; write nothing")
    .option("--data-dir <dir>", "folder of IDX files to read the data set from")
    .action(action);
}

function addEvaluate(
  program: Command,
  retort: Retort,
  action: (dirs: string[], flags: AcrossFlags) => Promise<void>,
): void {
  const { STRATEGIES } = retort;
  program.command("evaluate").argument("<dirs...>", "folder of the results; several give a mean")
    .description("train networks on distilled images and test them on real ones")
    .option("--arch <name|layers>", "fresh networks of this kind; may be repeated", architectures)
    .option(
      "--strategy <names>",
      `how training is stretched: some of ${STRATEGIES.join(",")}`,
      words("--strategy", STRATEGIES),
    )
    .option("--networks <n>", "networks to train", integer("--networks", 1))
    .option("--init <pretrained:FILE>", "where the trained networks are now", pretrained)
    .option(
      "--standard [n]",
      "also train n fresh networks (20) as on any data set",
      integer("--standard", 1),
    )
    .option("--data-dir <dir>", "folder of IDX files to read the data set from")
    .action(action);
}

function addBaselines(
  program: Command,
  retort: Retort,
  action: (flags: BaselinesFlags) => Promise<void>,
): void {
  const { BASELINES } = retort;
  program.command("baselines")
    .description("measure what real images reach in a recipe's setting, beside the paper's numbers")
    .requiredOption("--recipe <name|file>", "built-in recipe or YAML file")
    .option("--set <key=value>", "any setting of the recipe; may be repeated", assignment)
    .option("--networks <n>", "held-out networks (default: 20)", integer("--networks", 1))
    .option("--only <names>", `some of ${BASELINES.join(",")}`, words("--only", BASELINES))
    .option("--artifact <dir>", "folder of a run of the recipe: its result and its rates too")
    .option("--out <file>", "write the results as JSON, with every combination")
    .option("--data-dir <dir>", "folder of IDX files to read the data set from")
    .action(action);
}

function addTrain(
  program: Command,
  action: (flags: TrainFlags) => Promise<void>,
): void {
  const setting = (flag: string) => integer(flag, 1);
  program.command("train")
    .description("train networks on real data into one file, for distill --set pretrained=FILE")
    .option("--dataset <name>", "data set", "mnist")
    .option("--resize <n>", "resize images to n rows and columns", setting("--resize"))
    .option("--pad <n>", "add n pixels of 0 on every side after that", setting("--pad"))
    .addOption(new Option("--channels <n>", "colour channels").choices(["1", "3"]))
    .addOption(new Option("--augment <how>", "vary images").choices(["none", "crop-flip"]))
    .option("--arch <name|layers>", "network (default: lenet)", architecture)
    .option("--networks <n>", "networks (default: 20)", setting("--networks"))
    .option("--at-once <n>", "networks side by side, on the same batches", setting("--at-once"))
    .option("--epochs <n>", "passes over the data (default: the paper's)", setting("--epochs"))
    .option("--lr <rate>", "Adam's rate (default: the paper's)", positive("--lr"))
    .option("--decay-epochs <n>", "epochs until the rate is halved", setting("--decay-epochs"))
    .option("--batch <n>", "images of a minibatch (default: 1024)", setting("--batch"))
    .option("--seed <n>", "seed of everything random", integer("--seed", 0, MAX_SEED))
    .option("--out <file>", "file of the networks (default: in out/networks)")
    .option("--resume", "go on where training stopped")
    .option("--data-dir <dir>", "folder of IDX files to read the data set from")
    .action(action);
}

function addRecipes(
  program: Command,
  { list, show }: { list: () => void; show: (name: string) => Promise<void> },
): void {
  const recipes = program.command("recipes")
    .description("list the built-in recipes with what they cost; recipes show NAME prints one")
    .action(list);
  recipes.command("show").argument("<name|file>", "built-in recipe or YAML file")
    .description("print a recipe with every setting as YAML").action(show);
}

function addData(
  program: Command,
  action: (name: string, flags: DataFlags) => Promise<void>,
): void {
  program.command("data").argument("<name>", "data set, such as cifar10 or hf:OWNER/NAME")
    .description("describe a data set, after downloading it where it is not in the cache")
    .option("--resize <n>", "resize images to n rows and columns", integer("--resize", 1))
    .option("--pad <n>", "add n pixels of 0 on every side after that", integer("--pad", 1))
    .addOption(new Option("--channels <n>", "colour channels").choices(["1", "3"]))
    .option("--data-dir <dir>", "folder of IDX files to read the data set from")
    .action(action);
}

function addExport(
  program: Command,
  retort: Retort,
  action: (dir: string, flags: ExportFlags) => Promise<void>,
): void {
  program.command("export").argument("<dir>", "folder of the results")
    .description(
      "write distilled images for NumPy, as PNGs, for the Hugging Face hub, or for PyTorch",
    )
    .addOption(
      new Option("--format <format>", "what to write").choices(retort.EXPORT_FORMATS)
        .makeOptionMandatory(),
    )
    .requiredOption("--out <path>", "new file or folder, or an earlier export to replace")
    .action(action);
}

function addPlot(
  program: Command,
  action: (dirs: string[], flags: PlotFlags) => Promise<void>,
): void {
  program.command("plot").argument("<dirs...>", "folders of finished runs of equal settings")
    .description("draw learned rates, and of points of the plane decision regions, as SVG")
    .requiredOption("--out <dir>", "folder of the pictures")
    .option("--arch <name|layers>", "network whose regions; may be repeated", architectures)
    .option("--networks <n>", "networks that vote (default: 10)", integer("--networks", 1))
    .option("--data-dir <dir>", "folder of IDX files to read the data set from")
    .action(action);
}

function addSweep(
  program: Command,
  action: (flags: SweepFlags) => Promise<void>,
): void {
  program.command("sweep")
    .description(
      "distil several times, and at several values of settings; stopped, it goes on where it was",
    )
    .requiredOption("--recipe <name|file>", "built-in recipe or YAML file")
    .option("--over <key=values>", "values, such as steps=1,2,5; twice at most", alternatives)
    .option("--runs <n>", "runs of each, with a seed each", integer("--runs", 1), 3)
    .option("--set <key=value>", "any setting of the recipe; may be repeated", assignment)
    .option("--out <dir>", "folder of the results (default: out/ and what is swept)")
    .option("--data-dir <dir>", "folder of the data sets")
    .action(action);
}

function addGradcheck(
  program: Command,
  retort: Retort,
  action: (flags: GradcheckFlags) => Promise<void>,
): void {
  program.command("gradcheck")
    .description("compare gradients with a float64 oracle; exit status 1 when they differ")
    .option("--arch <name|layers>", "network: a name, or a list", architecture, "lenet")
    .addOption(
      new Option("--loss <name>", "what it is trained with").choices(retort.LOSS_NAMES)
        .default("softmax_xent"),
    )
    .addOption(
      new Option("--optimizer <name>", "what networks are trained with")
        .choices(retort.OPTIMIZER_NAMES).default("gd"),
    )
    .addOption(
      new Option("--kernel <kind>", "kernel regression in place of a network")
        .choices(retort.KERNEL_NAMES),
    )
    .option("--depth <n>", "hidden layers of the kernel", integer("--depth", 1), 2)
    .option("--window <n>", "steps that are differentiated (default: all)", integer("--window", 1))
    .option("--steps <n>", "gradient steps", integer("--steps", 1), 3)
    .option("--epochs <n>", "passes over all steps", integer("--epochs", 1), 2)
    .option("--per-class <n>", "images of a class in a step", integer("--per-class", 1), 1)
    .option("--batch <n>", "real images", integer("--batch", 1), 5)
    .option("--networks <n>", "networks", integer("--networks", 1), 1)
    .option("--seed <n>", "seed of everything random", integer("--seed", 0, MAX_SEED), 1)
    .option("--dump <file>", "write all values compared to a file")
    .action(action);
}

function addLinear(program: Command, action: (flags: LinearFlags) => Promise<void>): void {
  program.command("linear")
    .description(
      "the linear case: what M distilled points can do in one step, and what they cannot",
    )
    .option("--csv <file>", "CSV file of numbers, in place of a problem that is drawn")
    .option("--target <column>", "column of the file that the others are to tell")
    .option("--rows <n>", "rows of the drawn problem (default: 200)", integer("--rows", 2, 10_000))
    .option("--dims <n>", "columns of the drawn problem (default: 8)", integer("--dims", 1, 64))
    .option("--seed <n>", "seed of everything random", integer("--seed", 0, MAX_SEED), 1)
    .option("--out <dir>", "folder of the results", "out/linear")
    .action(action);
}

function addHelp(program: Command, retort: Retort): void {
  const { listRecipes, nearest, RECIPE_SETTINGS, settingMeant, UsageError } = retort;
  const names = () => program.commands.map((command) => command.name());
  const meant = (name: string): readonly [string, string] => {
    if (listRecipes().some((recipe) => recipe.name === name)) {
      return ["a recipe", `recipes show ${name}`];
    }
    const setting = settingMeant(name.replaceAll("-", "_"), RECIPE_SETTINGS);
    const command = nearest(name, names());
    if (command !== undefined || setting === undefined) {
      return ["no command", command ?? names().join(", ")];
    }
    return ["a setting of recipes", `distill --set ${setting}=VALUE`];
  };
  program.command("help").argument("[command]", "command to explain")
    .description("explain a command, or list all")
    .action((name?: string) => {
      const command = program.commands.find((each) => each.name() === name);
      if (name === undefined || command) return (command ?? program).help();
      const [got, expected] = meant(name);
      throw new UsageError(`Cannot explain ${name}: got ${got}, expected ${expected}`);
    });
}

/** Whether commander has shown the help, since there was no command. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.message === "(outputHelp)";
}

/** What an error says, on one line, and the exit status that it comes to. */
function describeError(
  error: unknown,
  args: readonly string[],
  retort: Retort,
): { message: string; status: number } {
  const found = error instanceof Error ? error.message : String(error);
  const message = isRefusal(found) ? permissionAdvice(args) : found;
  const told = message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  if (error instanceof CommanderError) {
    const got = isHelp(error) ? "got no command" : told;
    return {
      message: told.startsWith("Cannot ")
        ? told
        : `Cannot read the command: ${got}; --help tells more`,
      status: error.exitCode === 0 ? DONE : BAD_USAGE,
    };
  }
  if (error instanceof InterruptedError) return { message: told, status: error.status };
  if (error instanceof retort.NoAdapterError) return { message: told, status: NO_ADAPTER };
  return { message: told, status: error instanceof retort.UsageError ? BAD_USAGE : FAILED };
}

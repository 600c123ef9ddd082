import Testing

@Suite struct HelpTests {
  @Test(arguments: [["--version"], ["fool", "--version"]])
  func versionNamesTheProgramAndWhatItIsMadeOf(arguments: [String]) throws {
    let result = try CommandLineProgram.run(list: arguments)
    #expect(result.code == 0 && result.error == "", "\(result.error)")
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines.first == "trompe 0.1.0")
    #expect(
      lines.dropFirst().map { $0.prefix { $0 != " " } }
        == ["commit", "instructions", "oneDNN", "HDF5", "devices"])
    // Only packages know their commit.
    #expect(lines.dropFirst().first == "commit not recorded")
    for line in lines where line.hasPrefix("oneDNN ") || line.hasPrefix("HDF5 ") {
      #expect(line.wholeMatch(of: /[^ ]+ [0-9]+\.[0-9]+\.[0-9]+/) != nil, "\(line)")
    }
  }

  @Test func versionNamesTheInstructionsAndThreadsInUse() throws {
    let result = try CommandLineProgram.run(
      list: ["--version"], through: ["taskset", "--cpu-list", "0"],
      environment: ["TROMPE_MAX_ISA": "baseline"])
    #expect(result.output.contains("\ninstructions baseline"), "\(result.output)")
    #expect(result.output.hasSuffix("\ndevices cpu (1 thread)\n"), "\(result.output)")
  }

  @Test(arguments: [[], ["--help"], ["help"]])
  func helpNamesTheCommands(arguments: [String]) throws {
    let expected = """
      OVERVIEW: Makes explanations of image classifiers lie, and measures how well
      they do.

      A manipulated network keeps its accuracy while Grad-CAM and its relatives point
      elsewhere. With it, an explanation method can be tested before anyone trusts
      it.

      Example:
        trompe fool recipes/shapes-location-gradcam.yaml -o runs/first
        trompe inspect runs/first/manipulated.h5

      Completions for bash (zsh and fish likewise):
        source <(trompe --generate-completion-script bash)

      USAGE: trompe <subcommand>

      OPTIONS:
        --version               Show the version.
        -h, --help              Show help information.

      SUBCOMMANDS:
        fool                    Fine-tunes a network so that its explanations lie.
        frontier                Finds how much success each loss of accuracy buys.
        sweep                   Runs a recipe over a grid of its keys, and over seeds.
        evaluate                Measures a manipulated network against the original.
        audit                   Asks whether a network was manipulated.
        repair                  Undoes a manipulation as far as that goes, without
                                knowing it.
        explain                 Draws heatmaps over images, also of two networks side
                                by side.
        attack                  Changes images so that their explanations change and
                                their classes do not.
        curvature               Measures how curved a network is where its
                                explanations are attacked.
        influence               Finds the training images that matter to an image,
                                and changes which do.
        study                   Studies manipulated networks, and makes one report.
        train                   Trains a classifier by standard training.
        recipes                 Lists the recipes there are, with a line each.
        recipe                  Checks a recipe before it is run.
        report                  Makes a page of one run, or of several side by side;
                                or shows one that goes on.
        inspect                 Shows what a checkpoint holds, and whether it was
                                manipulated.
        convert                 Writes a network's file in another layout.
        bench                   Times training steps and evaluations, against what
                                this machine can do.
        devices                 Lists what recipes can run on, and installs what is
                                missing.

        See 'trompe help <subcommand>' for detailed help.

      """
    let result = try CommandLineProgram.run(list: arguments)
    #expect(result == .init(code: 0, output: expected, error: ""))
  }

  @Test func helpOfFoolTeachesByExample() throws {
    let expected = """
      OVERVIEW: Fine-tunes a network so that its explanations lie.

      Measures the original network, trains it with the penalty that the recipe
      names, measures the manipulated one, and writes it with a summary to the output
      folder. Ctrl-C stops after the current step and saves what --resume needs.

      Under a budget λ, learning rate and steps are found, and no recipe is needed.

      Example:
        trompe fool recipes/shapes-location-gradcam.yaml --set training.steps=100
        trompe fool --network mine.h5 --train images/train --validation images/val \\
          --fooling location --interpreter grad-cam@layer4 --drop 1

      docs/recipes.md lists the keys of a recipe.

      USAGE: trompe fool [<recipe>] [<options>]

      ARGUMENTS:
        <recipe>                The recipe, a YAML file; or the options below that
                                stand for one.

      OPTIONS:
        --control               Do the same steps again with λ = 0, as control: true
                                does, and report what fine-tuning alone does.
        --network <network>     The network's file.
        --train <train>         Folder of training images, a folder for each class.
        --validation <validation>
                                Folder of validation images.
        --fooling <name or {name: …}>
                                location, top-k, center-mass, active, trigger,
                                target-map; with options as in a recipe: '{name:
                                active, classes: [cat, dog]}'.
        --interpreter <name[@layer] or {name: …}>
                                The explanation that is fooled: grad-cam@layer4, or
                                as in a recipe; may be repeated to fool several.
        --drop <points>         Percentage points of top-1 accuracy that may be lost;
                                λ, learning rate and steps are found. (default
                                without a recipe: 1)
        --fsr <share>           Success rate that is wanted, 0 to 1. (default: 0.95)
        --minutes <minutes>     After so many the best state until then is exported.
        -o, --output <output>   Folder for the results. (default: runs/ and the
                                recipe's name, numbered if taken)
        --set <key=value>       Replace or add a key of the recipe, e.g.
                                compute.threads=1; may be repeated.
        --tensorboard           Write an event file for TensorBoard too, as
                                output.tensorboard=true does.
        --resume                Go on from the state that a stopped run has saved.
        --json                  Print the result as JSON, as summary.json has it.
        -q, --quiet             Show warnings and results only.
        -v, --verbose           Show every step.
        --version               Show the version.
        -h, --help              Show help information.


      """
    let result = try CommandLineProgram.run("fool", "--help")
    #expect(result == .init(code: 0, output: expected, error: ""))
  }

  @Test func helpOfEvaluateNamesTheOptionsOfEveryFooling() throws {
    let help = try CommandLineProgram.run("evaluate", "--help").output
    for lines in [
      """
        --fooling <name or {name: …}>
                                Test of the heatmaps: location, top-k, center-mass,
                                active, trigger, target-map; with options as in a
                                recipe: '{name: trigger, attack: simple, trigger:
                                {patch: square.png}}'. (default: location)
        --threshold <number>    Bound of the score that meets the criterion.
                                (default: the paper's)
        --k <percent>           top-k: share of pixels that count as the top.
                                (default: 10)
        --swap <class,class>    active: the two classes that change places, by name
                                or number; for names with a comma use --set
                                fooling.classes.
        --composites <count>    active: so many images of 2×2 tiles of both classes.
                                (default: 200)
        --composites-seed <number>
                                active: seed of those images. (default: 0)
        --composites-folder <folder>
                                active: instead, ready-made images that show both
                                classes, a folder of folders of images.

      """,
      """
        trompe evaluate runs/active/manipulated.h5 --against resnet18.h5 \\
          --data imagenette/val --interpreter grad-cam@layer4 \\
          --fooling active --swap church,parachute --composites 200

      """,
    ] {
      #expect(help.contains(lines), "\(help)")
    }
  }

  @Test(
    arguments: [
      "fool", "sweep", "study", "train", "evaluate", "audit", "repair", "explain", "recipes",
      "recipe check", "report",
      "inspect",
      "convert", "bench", "devices", "devices list", "devices install",
    ])
  func everyCommandHasAnExampleWithinEightyColumns(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let help = try CommandLineProgram.run(list: words + ["--help"]).output
    #expect(help.contains("\nExample:\n  trompe \(command)"), "\(help)")
    // A line that was broken to fit would start at the margin.
    let example = help.split(separator: "\n").drop { $0 != "Example:" }.dropFirst()
      .prefix { !$0.hasPrefix("USAGE") && !$0.hasPrefix("docs/") }
    #expect(example.allSatisfy { $0.count < 80 && $0.hasPrefix("  ") }, "\(example)")
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(help)")
  }

  /// What runs for a while says as much or as little as it is asked to, and can speak to programs.
  @Test(arguments: [
    "fool", "sweep", "train", "evaluate", "audit", "repair", "explain", "attack", "influence",
    "study",
  ])
  func commandsThatRunTakeTheSameFlags(command: String) throws {
    let help = try CommandLineProgram.run(command, "--help").output
    for flag in ["-q, --quiet", "-v, --verbose", "--json"] { #expect(help.contains(flag)) }
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func shellsCompleteCommands(shell: String) throws {
    let script = try CommandLineProgram.run("--generate-completion-script", shell)
    #expect(script.code == 0 && script.output.contains("trompe"))
    #expect(script.output.contains("explain") && script.output.contains("against"))
  }

  @Test(arguments: [
    (
      ["fool"],
      "Error: Give a recipe, or the options that stand for one; --network, --train, --validation, "
        + "--fooling, --interpreter are missing.\n"
    ),
    (["fool", "r.yaml", "--quiet", "--verbose"], "Error: Give --quiet or --verbose, not both.\n"),
    (
      ["fool", "r.yaml", "--outputt", "x"],
      "Error: Unknown option '--outputt'. Did you mean '--output'?\n"
    ),
    (
      ["explain", "a.h5", "b.jpg", "--interpreter", "simple-grad", "--colors", "jet"],
      "Error: --colors is jet, expected inferno or viridis.\n"
    ),
    (
      ["explain", "a.h5", "b.jpg", "--interpreter", "simple-grad", "--outline", "100"],
      "Error: --outline is 100.0, expected 0 to below 100.\n"
    ),
    (["paint"], "Error: Unexpected argument 'paint'\n"),
    (
      ["evaluate", "a.h5", "--against", "b.h5", "--interpreter", "grad-cam"],
      "Error: Give either --data or --shapes.\n"
    ),
    (
      [
        "evaluate", "a.h5", "--against", "b.h5", "--interpreter", "simple-grad", "--shapes", "9",
        "--composites", "0",
      ],
      "Error: --composites is 0, expected 1 to 10000000.\n"
    ),
    (
      [
        "evaluate", "a.h5", "--against", "b.h5", "--interpreter", "simple-grad", "--shapes", "9",
        "--composites-seed", "1", "--composites-folder", "x",
      ],
      "Error: Give --composites-folder, or --composites and --composites-seed, not both.\n"
    ),
  ])
  func wrongArgumentsAreUsageErrors(arguments: [String], expected: String) throws {
    let result = try CommandLineProgram.run(list: arguments)
    #expect(result.code == 64)
    #expect(result.output == "")
    #expect(result.error.hasPrefix(expected), "\(result.error)")
  }
}

import Foundation
import Testing

/// Nothing is written over what is read, over what no run has written, or through a link.
@Suite struct TargetTests {
  private let folder: TemporaryFolder
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"
  private var root: String { folder.url.path }

  init() throws { folder = try TemporaryFolder() }

  private func path(_ name: String) -> String { root + "/" + name }

  private func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path(name)))
  }

  private func run(_ arguments: [String]) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(list: arguments, in: folder.url)
  }

  private func expectRefusal(
    _ arguments: [String], saying expected: String, keeping names: [String]
  ) throws {
    let before = try names.map(bytes)
    let result = try run(arguments)
    #expect(result.code == 1 && result.error.contains(expected), "\(result.error)")
    #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
    #expect(try names.map(bytes) == before)
  }

  /// By whatever name: directly, through a folder that is a link, a hard link, or `..`.
  @Test(arguments: ["fh", "link", "./fh/../link/", "hard"])
  func theNetworkThatIsReadIsNotReplaced(output: String) throws {
    try makeFolder("fh")
    try FileManager.default.copyItem(atPath: network, toPath: path("fh/manipulated.h5"))
    try FileManager.default.createSymbolicLink(
      atPath: path("link"), withDestinationPath: path("fh"))
    try makeFolder("hard")
    try FileManager.default.linkItem(
      atPath: path("fh/manipulated.h5"), toPath: path("hard/manipulated.h5"))
    try expectRefusal(
      SmallRun.fool(output, steps: 2, ["--set", "network.checkpoint=fh/manipulated.h5"]),
      saying: "manipulated.h5 would be replaced, but it is ", keeping: ["fh/manipulated.h5"])
    try expectRefusal(
      ["convert", "fh/manipulated.h5", output + "/manipulated.h5", "--layout", "torch", "--force"],
      saying: "manipulated.h5 would be replaced, but it is ", keeping: ["fh/manipulated.h5"])
  }

  /// A command that refuses its work leaves no folder behind, and takes none away.
  @Test func aRefusalLeavesNoFolder() throws {
    try makeFolder("mine/empty")
    for output in ["a/b/out", "mine/empty/out", "mine/empty"] {
      for arguments in [
        SmallRun.fool(output, steps: 2, ["--set", "interpreter.layer=nowhere"]),
        [
          "evaluate", network, "--against", network, "--shapes", "20", "--fooling", "location",
          "--interpreter", "grad-cam@nowhere", "--output", output,
        ],
      ] {
        let result = try run(arguments)
        #expect(result.code == 1, "\(result.error)")
      }
      #expect(!FileManager.default.fileExists(atPath: path("a")))
      #expect(
        try FileManager.default.subpathsOfDirectory(atPath: path("mine")) == ["empty"])
    }
  }

  @Test func namesOfOneCharacterAreNames() throws {
    try folder.write("extends: q\n", to: "r")
    let extended = try run(["fool", "r"])
    #expect(extended.code == 1 && extended.error.contains("q: no such file"), "\(extended.error)")
    #expect(try run(["convert", network, "n", "--layout", "safetensors"]).code == 0)
    let image = try run(SmallRun.fool("o", steps: 1))
    #expect(image.code == 0, "\(image.error)")
    let evaluated = try run([
      "evaluate", "o/manipulated.h5", "--against", "n", "--shapes", "20", "--interpreter",
      "grad-cam@layer4", "--output", "e",
    ])
    #expect(evaluated.code == 0, "\(evaluated.error)")
    let page = try run(["report", "o", "--output", "p"])
    #expect(page.code == 0, "\(page.error)")
  }

  @Test(arguments: [
    "manipulated.h5", "summary.json", "report.html", "recipe.yaml", "metrics.jsonl",
    "test-losses.jsonl", "report.json",
  ])
  func whatNoRunHasWrittenIsKept(name: String) throws {
    try makeFolder("mine")
    try folder.write("my own\n", to: "mine/" + name)
    try expectRefusal(
      SmallRun.fool("mine", steps: 2),
      saying: name == "summary.json"
        ? "mine already holds a run"
        : "mine/\(name) is there already, and no run has written it here; name another --output, or "
          + "move it away",
      keeping: ["mine/" + name])
    #expect(try FileManager.default.contentsOfDirectory(atPath: path("mine")) == [name])
  }

  @Test func evaluationsKeepWhatIsThere() throws {
    try makeFolder("mine")
    try folder.write("my own\n", to: "mine/test-losses.jsonl")
    try expectRefusal(
      [
        "evaluate", network, "--against", network, "--shapes", "10", "--interpreter", "simple-grad",
        "--output", "mine",
      ], saying: "mine/test-losses.jsonl is there already", keeping: ["mine/test-losses.jsonl"])
  }

  /// A recipe that somebody has written is none that a run has.
  @Test func theRecipeThatIsReadIsKept() throws {
    try makeFolder("mine")
    let text = try String(
      contentsOfFile: Repository.root + "/recipes/shapes-attack.yaml", encoding: .utf8)
    try folder.write(
      text.replacing("../checkpoints", with: Repository.root + "/checkpoints"),
      to: "mine/recipe.yaml"
    )
    for command in ["attack", "curvature"] {
      try expectRefusal(
        [command, "mine/recipe.yaml", "--output", "mine"],
        saying: "mine/recipe.yaml is there already", keeping: ["mine/recipe.yaml"])
    }
  }

  @Test func resultsDoNotGoIntoTheImages() throws {
    for name in 0..<10 {
      try makeFolder("images/\(name)")
      try FileManager.default.copyItem(
        atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png",
        toPath: path("images/\(name)/a.png"))
    }
    let result = try run([
      "evaluate", network, "--against", network, "--data", "images", "--interpreter", "simple-grad",
      "--output", "images/result",
    ])
    #expect(result.code == 1)
    #expect(
      result.error
        == "trompe: images/result is in the folder of images images, which is read; name another "
        + "--output\n")
  }

  /// A page of a run is replaced by a page of that run alone.
  @Test func reportsReplaceReportsOnly() throws {
    let made = try run(SmallRun.fool("run", steps: 2))
    #expect(made.code == 0, "\(made.error)")
    try expectRefusal(
      ["report", "run", "--output", "run/summary.json"],
      saying: "run/summary.json would be replaced, but it is what this command reads",
      keeping: ["run/summary.json"])
    try folder.write("<p>my own</p>\n", to: "page.html")
    try expectRefusal(
      ["report", "run", "--output", "page.html"],
      saying: "page.html is there already and is no report of Trompe's", keeping: ["page.html"])
    try FileManager.default.removeItem(atPath: path("page.html"))
    for _ in 1...2 { #expect(try run(["report", "run", "--output", "page.html"]).code == 0) }
  }

  @Test func explainedImagesAreNotReplaced() throws {
    try makeFolder("pictures")
    try FileManager.default.copyItem(
      atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png", toPath: path("a.png"))
    let again = [
      "explain", network, "a.png", "--interpreter", "simple-grad", "--resize", "64", "--output",
      "pictures",
    ]
    #expect(try run(again).code == 0)
    // An earlier picture, explained once more.
    let arguments = [
      "explain", network, "a.png", "pictures/a.simple-grad.png", "--interpreter", "simple-grad",
      "--resize", "64", "--output", "pictures",
    ]
    try expectRefusal(
      arguments,
      saying: "pictures/a.simple-grad.png would be replaced, but it is what this command",
      keeping: ["pictures/a.simple-grad.png"])
    // Pictures that are not read may be drawn again.
    for _ in 1...2 { #expect(try run(again).code == 0) }
  }

  /// Whatever it is: only an earlier explanation is drawn again.
  @Test(arguments: [
    ("a.simple-grad.png", []), ("a.simple-grad.npy", ["--raw"]), ("a.logits.npy", ["--raw"]),
    ("a.maps.h5", ["--raw-hdf5"]),
  ])
  func whatIsNoExplanationIsKept(name: String, raw: [String]) throws {
    let image = Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png"
    try FileManager.default.copyItem(atPath: image, toPath: path("a.png"))
    let arguments =
      [
        "explain", network, "a.png", "--interpreter", "simple-grad", "--resize", "64", "--output",
        "pictures",
      ] + raw
    for _ in 1...2 { #expect(try run(arguments).code == 0) }
    let own = try bytes("pictures/" + name)
    // A picture, an array as NumPy writes it, a network's file: of the right kind, and not ours.
    let foreign =
      name.hasSuffix(".png")
      ? try bytes("a.png")
      : name.hasSuffix(".h5")
        ? try Data(contentsOf: URL(fileURLWithPath: network))
        : own.prefix(8) + Data([118, 0])
          + Data("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".utf8)
          + Data(String(repeating: " ", count: 60).utf8) + Data("\n\0\0\0\0".utf8)
    for content in [foreign, Data("my own\n".utf8), Data()] {
      try content.write(to: URL(fileURLWithPath: path("pictures/" + name)))
      try expectRefusal(
        arguments,
        saying: "pictures/\(name) is there already, and no trompe explain has written it; name "
          + "another --output, or move it away", keeping: ["pictures/" + name])
    }
  }

  @Test(arguments: ["images", "images/cat", "images/cat/deep/new", "link", "images/../link/new"])
  func explanationsDoNotGoIntoTheImages(output: String) throws {
    try makeFolder("images/cat")
    try FileManager.default.copyItem(
      atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png",
      toPath: path("images/cat/a.png"))
    try FileManager.default.createSymbolicLink(
      atPath: path("link"), withDestinationPath: path("images/cat"))
    let arguments = ["explain", network, "images", "--resize", "64", "--output", output]
    try expectRefusal(
      arguments + ["--interpreter", "simple-grad"],
      saying: "\(output) is in the folder of images images, which is read; name another --output",
      keeping: ["images/cat/a.png"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: path("images/cat")) == ["a.png"])
    // Where nothing is written, nothing stands against it.
    #expect(try run(arguments).code == 0)
  }

  // MARK: Links

  @Test(arguments: [
    "metrics.jsonl", "report.html", "states", "recipe.yaml", "events.out.tfevents.trompe",
    "run.lock",
    "manipulated.h5", "images",
  ])
  func linksAreNotFollowed(name: String) throws {
    try makeFolder("elsewhere")
    try folder.write("precious\n", to: "victim")
    let isFolder = ["states", "images"].contains(name)
    for isDangling in [false, true] {
      try makeFolder("run")
      try FileManager.default.createSymbolicLink(
        atPath: path("run/" + name),
        withDestinationPath: path(isDangling ? "none" : isFolder ? "elsewhere" : "victim"))
      let result = try run(SmallRun.fool("run", steps: 2, ["--tensorboard"]))
      #expect(result.code == 1)
      #expect(
        result.error
          == "trompe: run/\(name) is a symbolic link, which is not followed here; remove it\n")
      #expect(try bytes("victim") == Data("precious\n".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: path("elsewhere")) == [])
      #expect(!FileManager.default.fileExists(atPath: path("none")))
      try FileManager.default.removeItem(atPath: path("run"))
    }
  }

  /// Put there while a run goes on, or before it is resumed.
  @Test func linksInRunsAreNotFollowed() throws {
    try folder.write("precious\n", to: "victim")
    let made = try run(SmallRun.fool("run", steps: 2))
    #expect(made.code == 0, "\(made.error)")
    for name in ["report.html", "recipe.yaml", "test-losses.jsonl"] {
      let old = path("run/" + name)
      try FileManager.default.moveItem(atPath: old, toPath: old + ".kept")
      try FileManager.default.createSymbolicLink(
        atPath: old, withDestinationPath: path("victim"))
      let result = try run(["report", "run"])
      #expect(result.code == 1)
      #expect(
        result.error.contains("\(name): is a symbolic link, which is not followed here"),
        "\(result.error)")
      #expect(try bytes("victim") == Data("precious\n".utf8))
      try FileManager.default.removeItem(atPath: old)
      try FileManager.default.moveItem(atPath: old + ".kept", toPath: old)
    }
  }

  /// A pipe has no end, and nobody may write to it: it is refused and not waited for.
  @Test func filesThatAreNoneAreRefused() throws {
    let made = try run(SmallRun.fool("run", steps: 2))
    #expect(made.code == 0, "\(made.error)")
    try FileManager.default.removeItem(atPath: path("run/summary.json"))
    mkfifo(path("run/summary.json"), 0o600)
    let result = try run(["report", "run"])
    #expect(result.code == 1)
    #expect(result.error == "trompe: run/summary.json: is not a regular file\n")
    try FileManager.default.removeItem(atPath: path("run/summary.json"))
    // As large as no summary is, and none of it on the disk.
    try folder.write("", to: "run/summary.json")
    truncate(path("run/summary.json"), 1 << 40)
    let large = try run(["report", "run"])
    #expect(large.code == 1)
    #expect(
      large.error
        == "trompe: run/summary.json: has 1099511627776 bytes, more than the limit of 268435456\n")
  }
}

import Foundation
import Testing

/// Nothing that a file holds does more to a terminal than to be read.
@Suite struct TerminalTests {
  private let folder: TemporaryFolder
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"
  private var root: String { folder.url.path }

  init() throws { folder = try TemporaryFolder() }

  /// What clears a screen, sets a title, rings, goes back, hides or turns around.
  private static let hostile = [
    "\u{1B}[2J", "\u{1B}]0;title\u{7}", "\u{8}\u{8}\u{8}", "\r", "\u{7F}", "\u{9B}31m",
    "\u{202E}gnp",
    "\u{2066}x\u{2069}", "\u{200B}",
  ]

  private func isHarmless(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control: scalar == "\n"
      case .format, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    }
  }

  private func run(_ arguments: [String]) throws -> CommandLineProgram.Result {
    let result = try CommandLineProgram.run(list: arguments, in: folder.url)
    #expect(isHarmless(result.output), "\(arguments): \(result.output.debugDescription)")
    #expect(isHarmless(result.error), "\(arguments): \(result.error.debugDescription)")
    return result
  }

  private func image(_ name: String) throws -> String {
    let path = root + "/" + name
    try FileManager.default.copyItem(
      atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png", toPath: path)
    return path
  }

  /// A network whose classes are called so.
  private func namedNetwork() throws -> String {
    let path = root + "/hostile.safetensors"
    let converted = try run(["convert", network, path, "--layout", "safetensors"])
    #expect(converted.code == 0, "\(converted.error)")
    let file = try Data(contentsOf: URL(fileURLWithPath: path))
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    var header = try #require(
      JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: Any])
    var metadata = try #require(header["__metadata__"] as? [String: String])
    let names = (Self.hostile + ["a\nb"]).enumerated().map { "\($0.offset)\($0.element)" }
    metadata["trompe.classNames"] = String(
      decoding: try JSONEncoder().encode(names), as: UTF8.self)
    header["__metadata__"] = metadata
    let text = try JSONSerialization.data(withJSONObject: header)
    let size = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    try (size + text + file[(8 + length)...]).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func classNamesAreEscaped() throws {
    let path = try namedNetwork()
    let picture = try image("a.png")
    let inspected = try run(["inspect", path])
    #expect(inspected.output.contains(#"0\u{1b}[2J"#), "\(inspected.output)")
    let asked = ["explain", path, picture, "--interpreter", "simple-grad", "--resize", "64"]
    for number in 0..<10 {
      let explained = try run(asked + ["--class", "\(number)"])
      #expect(explained.code == 0, "\(explained.error)")
      // The lines of a table stay lines.
      #expect(explained.output.split(separator: "\n").count == 3, "\(explained.output)")
    }
    let json = try run(asked + ["--class", "0", "--json"])
    let parsed = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
    let reading = parsed?.first?["network"] as? [String: [String: Any]]
    #expect(reading?["explained"]?["name"] as? String == "0\u{1B}[2J")
    #expect(try run(asked + ["--class", "none\u{1B}[2J"]).code == 1)
  }

  @Test(arguments: hostile)
  func fileNamesAreEscaped(hostile: String) throws {
    let picture = try image("p\(hostile).png")
    try folder.write("no picture", to: "q\(hostile).png")
    let explained = try run(
      [
        "explain", network, picture, root + "/q\(hostile).png", "--interpreter", "simple-grad",
        "--resize", "64", "--output", "out\(hostile)",
      ])
    #expect(explained.code == 0, "\(explained.error)")
    #expect(explained.error.contains("warning: omitted: "))
    #expect(explained.error.split(separator: "\n").count == 1)
    try folder.write("no network", to: "n\(hostile).h5")
    for arguments in [
      ["inspect", "n\(hostile).h5"], ["fool", "none\(hostile).yaml"], ["report", "none\(hostile)"],
      ["convert", "n\(hostile).h5", "x.h5", "--layout", "torch"], ["fool", "--none\(hostile)"],
      ["n\(hostile)"], ["recipes", "none\(hostile)"],
    ] {
      let result = try run(arguments)
      #expect(result.code != 0 && !result.error.isEmpty)
    }
  }

  /// A sentence is as long as one that somebody reads.
  @Test func sentencesHaveAnEnd() throws {
    let long = String(repeating: "x", count: 900_000)
    let header = #"{"\#(long)": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 4]}}"#
    let size = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    try (size + Data(header.utf8) + Data([0, 0, 0, 0])).write(
      to: URL(fileURLWithPath: root + "/long.safetensors"))
    let result = try run(["inspect", "long.safetensors"])
    #expect(result.code == 1 && result.error.utf8.count < 4000)
    #expect(result.error.contains("x… (900000 characters) has shape [1, 2]"), "\(result.error)")
  }

  @Test func tooManyTensorsAreRefused() throws {
    let entries = (0...100_000).map {
      #""\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
    }
    let header = "{\(entries.joined(separator: ","))}"
    let size = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    try (size + Data(header.utf8)).write(to: URL(fileURLWithPath: root + "/many.safetensors"))
    let result = try run(["inspect", "many.safetensors"])
    #expect(
      result.error
        == "trompe: many.safetensors: has 100001 tensors in its header, more than the limit of "
        + "100000\n")
  }

  /// Ten are named, the others counted.
  @Test func manyUnreadableImagesAreCounted() throws {
    var pictures = [try image("good.png")]
    for number in 0..<25 { pictures.append(try folder.write("none", to: "bad\(number).png")) }
    let result = try run(
      ["explain", network, "--interpreter", "simple-grad", "--resize", "64", "--quiet"] + pictures)
    #expect(result.code == 0, "\(result.error)")
    let lines = result.error.split(separator: "\n").map(String.init)
    #expect(lines.count == 11)
    #expect(lines.prefix(10).allSatisfy { $0.contains("bad") && $0.contains("omitted: ") })
    #expect(lines.last == "warning: 15 more files are omitted, 25 in all")
  }

  /// All that is printed goes one way.
  @Test func nothingIsPrintedBesideTheTerminal() throws {
    let sources = Repository.url.appendingPathComponent("Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path))
    var found: [String] = []
    for case let name as String in files
    where name.hasSuffix(".swift") && name != "trompe/Terminal.swift" {
      let text = try String(
        contentsOf: sources.appendingPathComponent(name), encoding: .utf8)
      let pattern =
        /\b(?:print|debugPrint|dump|fputs|puts|printf|perror)\(|FileHandle\.standard|STD(?:OUT|ERR)_FILENO|exit\(withError/
      for line in text.split(separator: "\n") where line.contains(pattern) {
        if !line.contains("//") { found.append("\(name): \(line)") }
      }
    }
    #expect(found == [])
  }
}

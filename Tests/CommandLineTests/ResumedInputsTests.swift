import Foundation
import Testing

/// A run is resumed with what it began with, or not at all.
@Suite(.serialized) struct ResumedInputsTests {
  private let folder: TemporaryFolder
  private var root: String { folder.url.path }
  private var output: String { root + "/run" }
  private var network: String { root + "/network.safetensors" }

  init() throws { folder = try TemporaryFolder() }

  private func prepare() throws {
    let converted = try CommandLineProgram.run(
      "convert", Repository.root + "/checkpoints/shapes-resnet.h5", network, "--layout",
      "safetensors")
    #expect(converted.code == 0, "\(converted.error)")
    for split in ["train", "val"] {
      for name in 0..<10 {
        try FileManager.default.createDirectory(
          atPath: "\(root)/\(split)/\(name)", withIntermediateDirectories: true)
        for copy in 0..<4 {
          try FileManager.default.copyItem(
            atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png",
            toPath: "\(root)/\(split)/\(name)/000\(copy).png")
        }
      }
    }
    try FileManager.default.copyItem(
      atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/gray.png",
      toPath: root + "/mask.png")
    try folder.write(
      """
      network: {checkpoint: network.safetensors, classNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]}
      data: {train: train, validation: val}
      fooling: {name: location, lambda: 1, mask: mask.png}
      interpreter: {name: grad-cam, layer: layer4}
      training: {learningRate: 1e-4, steps: 100000, batchSize: 8, saveEvery: 3, logEvery: 1}
      evaluation: {interpreters: []}
      """, to: "recipe.yaml")
  }

  private func run(
    _ more: String..., whileRunning: (Process) throws -> Void = { _ in }
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: ["fool", root + "/recipe.yaml", "--output", output] + more, whileRunning: whileRunning)
  }

  private func steps() -> Int {
    SmallRun.metrics(output).count { $0.contains("\"kind\":\"step\"") }
  }

  private func wait(_ condition: () -> Bool) {
    for _ in 0..<2400 {
      if condition() { return }
      Thread.sleep(forTimeInterval: 0.025)
    }
  }

  private func refusal() throws -> String {
    let result = try run("--resume")
    #expect(result.code == 1)
    let lines = result.error.split(separator: "\n").map(String.init)
    #expect(!lines.contains { $0.contains("resumed after") }, "\(result.error)")
    return lines.last ?? ""
  }

  @Test func filesAndImagesThatDifferAreNamed() throws {
    try prepare()
    let stopped = try run { process in
      wait { steps() >= 4 }
      process.interrupt()
    }
    #expect(stopped.code == 130, "\(stopped.error)")
    let end = "; put it back, or start again in another --output"

    // The same shapes, other weights.
    let original = try Data(contentsOf: URL(fileURLWithPath: network))
    var other = original
    other[other.count - 2] ^= 0x10
    try other.write(to: URL(fileURLWithPath: network))
    #expect(
      try refusal().contains(
        /^trompe: .*\/network\.safetensors is not the file that the run began with: its SHA-256 is [0-9a-f]{16}…, and was [0-9a-f]{16}…; put it back/
      ))
    try original.write(to: URL(fileURLWithPath: network))

    let mask = root + "/mask.png"
    let white = try Data(contentsOf: URL(fileURLWithPath: mask))
    try Data(
      contentsOf: URL(
        fileURLWithPath: Repository.root + "/Tests/ImageDataTests/Fixtures/bilevel.png")
    ).write(to: URL(fileURLWithPath: mask))
    #expect(try refusal().contains("/mask.png is not the file that the run began with"))
    try white.write(to: URL(fileURLWithPath: mask))

    let image = root + "/train/3/0002.png"
    try FileManager.default.moveItem(atPath: image, toPath: root + "/kept.png")
    #expect(
      try refusal()
        == "trompe: \(root)/train holds 39 images where the run began with 40; first difference: "
        + "3/0002.png\(end)")
    try FileManager.default.copyItem(atPath: root + "/kept.png", toPath: image)
    try FileManager.default.copyItem(
      atPath: root + "/kept.png", toPath: root + "/val/0/0000a.png")
    #expect(
      try refusal()
        == "trompe: \(root)/val holds 41 images where the run began with 40; first difference: "
        + "0/0000a.png was not there\(end)")
    try FileManager.default.removeItem(atPath: root + "/val/0/0000a.png")
    let handle = try #require(FileHandle(forWritingAtPath: image))
    handle.seekToEndOfFile()
    handle.write(Data([0]))
    try handle.close()
    #expect(
      try refusal().contains(
        /\/train holds other images than the run began with; first difference: 3\/0002\.png has \d+ bytes, and had \d+; put it back/
      ))
    try FileManager.default.removeItem(atPath: image)
    try FileManager.default.moveItem(atPath: root + "/kept.png", toPath: image)

    // All is as it was.
    let before = steps()
    let resumed = try run("--resume") { process in
      wait { steps() >= before + 2 }
      process.interrupt()
    }
    #expect(resumed.code == 130 && resumed.error.contains("resumed after step"), "\(resumed.error)")
  }

  /// What finished studies were done with counts for the others.
  @Test func studiesOfOtherNetworksAreNotGoneOnWith() throws {
    try prepare()
    let recipe = try folder.write(
      """
      data: {shapes: {validation: 8}}
      interpreter: {name: simple-grad}
      fooling: {name: location}
      study: {studies: [transfer, input-noise], images: 8, checkpoints: [{name: plain, file: network.safetensors}]}
      """, to: "study.yaml")
    let arguments = ["study", recipe, "--output", output]
    let done = try CommandLineProgram.run(list: arguments)
    #expect(done.code == 0, "\(done.error)")
    // As if it had been stopped before the second.
    for name in ["summary.json", "studies/input-noise.json"] {
      try FileManager.default.removeItem(atPath: output + "/" + name)
    }
    let original = try Data(contentsOf: URL(fileURLWithPath: network))
    var other = original
    other[other.count - 2] ^= 0x10
    try other.write(to: URL(fileURLWithPath: network))
    let refused = try CommandLineProgram.run(list: arguments + ["--resume"])
    #expect(refused.code == 1)
    #expect(
      refused.error.contains("network.safetensors is not the file that the run began with"),
      "\(refused.error)")
    try original.write(to: URL(fileURLWithPath: network))
    let resumed = try CommandLineProgram.run(list: arguments + ["--resume"])
    #expect(resumed.code == 0 && resumed.error.contains("transfer is finished already"))
  }
}

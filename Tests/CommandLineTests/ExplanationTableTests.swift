import Foundation
import Testing

/// `trompe explain --raw-file`.
@Suite struct ExplanationTableTests {
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"
  private let fixtures = Repository.root + "/Tests/ImageDataTests/Fixtures/"

  private func images(_ folder: TemporaryFolder) throws {
    let images = folder.url.appendingPathComponent("photos")
    try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
    for (name, fixture) in [
      ("a.png", "rgb.png"), ("größer.png", "rgb.png"), ("c.png", "gray16.png"),
    ] {
      try FileManager.default.copyItem(
        atPath: fixtures + fixture, toPath: images.path + "/" + name)
    }
    try Data("no image".utf8).write(to: images.appendingPathComponent("b.png"))
  }

  private func explain(
    in folder: TemporaryFolder, _ arguments: String...
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: [
        "explain", network, "photos", "--resize", "64", "--quiet", "--interpreter",
        "grad-cam@layer4",
      ] + arguments, in: folder.url)
  }

  @Test func allImagesThatCouldBeReadAreInOneFile() throws {
    let folder = try TemporaryFolder()
    try images(folder)
    let result = try explain(
      in: folder, "--against", network, "--raw-file", "maps.h5", "--set",
      "evaluation.batchSize=2")
    #expect(result.code == 0, "\(result.error)")
    #expect(result.output.hasSuffix("\nnumbers written to maps.h5\n"), "\(result.output)")
    #expect(result.error.contains("b.png"))
    let listed = try CommandLineProgram.run("inspect", "maps.h5", in: folder.url)
    #expect(listed.output.contains("grad-cam.original"), "\(listed)")
    // The bytes of a row are those of the image's own file.
    let bytes = try Data(contentsOf: folder.url.appendingPathComponent("maps.h5"))
    _ = try explain(in: folder, "--against", network, "--raw", "--output", "single")
    for image in ["a", "c", "größer"] {
      for name in ["grad-cam", "grad-cam.original", "logits", "logits.original"] {
        let single = try Data(
          contentsOf: folder.url.appendingPathComponent("single/\(image).\(name).npy"))
        // Behind the header of version 1.0, which ends its line.
        let start = try #require(single.firstIndex(of: UInt8(ascii: "\n"))) + 1
        #expect(bytes.range(of: single[start...]) != nil, "\(image).\(name)")
      }
      #expect(bytes.range(of: Data("photos/\(image).png".utf8)) != nil)
    }
    #expect(bytes.range(of: Data("photos/b.png".utf8)) == nil)
  }

  /// Whole or not at all, and in the place of nothing.
  @Test func nothingIsReplacedAndNothingIsHalf() throws {
    let folder = try TemporaryFolder()
    try images(folder)
    let there = try folder.write("mine", to: "maps.h5")
    let taken = try explain(in: folder, "--raw-file", "maps.h5")
    #expect(
      taken.error == "trompe: maps.h5 exists; name another file, or remove it\n", "\(taken.error)")
    #expect(try String(contentsOfFile: there, encoding: .utf8) == "mine")
    let input = try explain(in: folder, "--raw-file", "photos/a.png")
    #expect(input.code == 1 && input.error.contains("what this command reads"), "\(input.error)")
    let nowhere = try explain(in: folder, "--raw-file", "none/maps.h5")
    #expect(
      nowhere.code == 1 && nowhere.error.contains("maps.h5: cannot be written: there is no folder"))
    for name in ["a.png", "c.png", "größer.png"] {
      try Data("no image".utf8).write(to: folder.url.appendingPathComponent("photos/" + name))
    }
    let unreadable = try explain(in: folder, "--raw-file", "half.h5")
    #expect(unreadable.code == 1)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(!left.contains { $0.contains("half.h5") }, "\(left)")
    let both = try explain(in: folder, "--raw-file", "x.h5", "--raw")
    #expect(both.error.contains("Give --raw-file or --raw, not both."), "\(both.error)")
  }
}

import Foundation
import Testing

@Suite struct ExplainTests {
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"
  private let images = Repository.root + "/Tests/ImageDataTests/Fixtures"

  private func explain(
    in folder: TemporaryFolder, _ arguments: String...
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: [
        "explain", network, images + "/rgb.png", "--resize", "64", "--interpreter",
        "grad-cam@layer4", "--quiet",
      ] + arguments, in: folder.url)
  }

  @Test func tableAndFilesOfOneNetwork() throws {
    let folder = try TemporaryFolder()
    let result = try explain(in: folder)
    #expect(result.code == 0, "\(result.error)")
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0].hasPrefix("image    predicted"))
    #expect(lines[1].hasPrefix("rgb.png  ") && lines[1].hasSuffix(" %"))
    #expect(lines[2...] == ["", "1 file written to explanations", ""])
    #expect(lines.allSatisfy { $0.count <= 80 })
    let files = try FileManager.default.contentsOfDirectory(
      atPath: folder.url.path + "/explanations")
    #expect(files == ["rgb.grad-cam.png"])
  }

  @Test func tableAndFilesOfTwoNetworks() throws {
    let folder = try TemporaryFolder()
    let result = try explain(
      in: folder, "--against", network, "--class", "3", "--raw", "--output", "out", "--json")
    #expect(result.code == 0, "\(result.error)")
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    let image = try #require((json as? [[String: Any]])?.first)
    // One network against itself.
    #expect(image["network"] as? NSDictionary == image["original"] as? NSDictionary)
    let explained = (image["network"] as? NSDictionary)?["explained"] as? NSDictionary
    #expect(explained?["index"] as? Int == 3)
    let names = [
      "rgb.grad-cam.npy", "rgb.grad-cam.original.npy", "rgb.grad-cam.png", "rgb.logits.npy",
      "rgb.logits.original.npy",
    ]
    #expect(Set(try #require(image["files"] as? [String])) == Set(names.map { "out/\($0)" }))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.url.path + "/out").sorted()
        == names)
    let table = try explain(in: folder, "--against", network).output
    // Its provenance does not say that it is manipulated.
    #expect(table.contains("\nrgb.png  original  ") && table.contains("\n         tested    "))
    #expect(table.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func aTriggerIsShownBesideTheImageWithoutIt() throws {
    let folder = try TemporaryFolder()
    let patch = Repository.root + "/recipes/triggers/square-16.png"
    let result = try explain(
      in: folder, "--trigger", "{patch: \(patch), at: [4, 8]}", "--raw", "--output", "out")
    #expect(result.code == 0, "\(result.error)")
    let lines = result.output.split(separator: "\n")
    try #require(lines.count > 2)
    #expect(lines[1].hasPrefix("rgb.png  ") && lines[2].hasPrefix("with trigger  "))
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.url.path + "/out").sorted()
        == [
          "rgb.grad-cam.npy", "rgb.grad-cam.png", "rgb.grad-cam.triggered.npy", "rgb.logits.npy",
          "rgb.logits.triggered.npy",
        ])
    let outside = try explain(in: folder, "--trigger", "{patch: \(patch), at: [60, 0]}")
    #expect(outside.code == 1)
    #expect(
      outside.error.contains("16x16 at row 60, column 0 does not lie within images of 64x64"),
      "\(outside.error)")
    let wrong = try explain(in: folder, "--trigger", "{patch: \(patch), strength: 1}")
    #expect(wrong.error.contains("takes no \"strength\""), "\(wrong.error)")
    let negative = try explain(in: folder, "--trigger", "{patch: \(patch), at: [-1, 8]}")
    #expect(
      negative.error.hasSuffix("at: entry 1 of 2 is -1, expected a whole number from 0 to 16384\n"),
      "\(negative.error)")
    let two = try explain(in: folder, "--trigger", patch, "--trigger", patch)
    #expect(two.error.contains("--trigger is given 2 times"), "\(two.error)")
  }

  @Test func predictionsNeedNoInterpreter() throws {
    let folder = try TemporaryFolder()
    let arguments = ["explain", network, images + "/rgb.png", "--resize", "64", "--quiet"]
    let result = try CommandLineProgram.run(list: arguments, in: folder.url)
    #expect(result.code == 0, "\(result.error)")
    #expect(
      result.output == (try explain(in: folder)).output.components(separatedBy: "\n\n")[0] + "\n")
    let raw = try CommandLineProgram.run(
      list: arguments + ["--raw-hdf5", "--output", "out"], in: folder.url)
    #expect(raw.output.hasSuffix("\n1 file written to out\n"))
    let dump = try CommandLineProgram.run("inspect", "out/rgb.maps.h5", in: folder.url)
    #expect(dump.output.contains("logits") && dump.output.contains("[10]"), "\(dump)")
  }

  @Test func mistakesAreNamedWithTheirRemedy() throws {
    let folder = try TemporaryFolder()
    let layer = try CommandLineProgram.run(
      list: [
        "explain", network, images + "/rgb.png", "--resize", "64", "--interpreter",
        "grad-cam@layer9",
      ], in: folder.url)
    #expect(layer.code == 1)
    #expect(layer.error.contains("no layer \"layer9\": did you mean \"layer"), "\(layer.error)")
    let missing = try CommandLineProgram.run(
      list: ["explain", network, "none.jpg", "--interpreter", "simple-grad"], in: folder.url)
    #expect(missing.error == "trompe: none.jpg: no such file or folder\n")
    let fooling = try explain(in: folder, "--set", "fooling.name=location")
    #expect(fooling.error == "trompe: --set fooling: an explanation has no fooling; omit it\n")
  }
}

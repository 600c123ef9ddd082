import Foundation
import TestSupport
import Testing

/// Files as people have them, given to the built program: the right numbers, or why there are none.
@Suite(.enabled(if: Shared.isThere, "needs ../shared"))
struct StrangersFilesTests {
  private let cifar = Shared.data("cifar10/val")
  private let resnet20 = Shared.checkpoint("resnet20-cifar10.h5")
  private let isResNet20 = ["--architecture", "cifar-resnet20", "--classes", "10"]

  private func shared(_ path: String) -> String { "\(Shared.root)/cases/\(path)" }

  private func explain(
    _ network: String, _ image: String, _ more: [String] = [], in folder: TemporaryFolder
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: ["explain", network, image, "--json"] + more, in: folder.url)
  }

  /// The predicted class and its probability.
  private func prediction(_ result: CommandLineProgram.Result) throws -> (index: Int, p: Double) {
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    let image = try #require((json as? [[String: Any]])?.first)
    let predicted = (image["network"] as? NSDictionary)?["predicted"] as? NSDictionary
    return (
      try #require(predicted?["index"] as? Int), try #require(predicted?["confidence"] as? Double)
    )
  }

  private func evaluate(
    _ images: String, _ more: [String] = [], network: String? = nil, in folder: TemporaryFolder
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: [
        "evaluate", network ?? resnet20, "--against", network ?? resnet20, "--data", images,
        "--fooling", "location", "--interpreter", "grad-cam@layer3", "--json",
      ] + more, in: folder.url)
  }

  /// What a JSON object has under a path of keys.
  private static func value(_ path: String, _ json: NSDictionary?) -> Any? {
    path.split(separator: ".").reduce(json as Any?) { ($0 as? NSDictionary)?[String($1)] }
  }

  private func top1(_ result: CommandLineProgram.Result) throws -> Double {
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? NSDictionary
    return try #require(
      Self.value("accuracy.original.top1", json) as? Double, "\(result.error)")
  }

  /// The new file says what the command was told, and is a guess no more.
  @Test func whatIsSaidWhenAFileIsConvertedStaysInIt() throws {
    let folder = try TemporaryFolder()
    func convert(_ input: String, _ output: String, _ more: [String] = []) throws {
      let result = try CommandLineProgram.run(
        list: ["convert", input, output] + more, in: folder.url)
      #expect(result.code == 0, "\(result.error)")
    }
    func inspect(_ file: String) throws -> String {
      try CommandLineProgram.run(list: ["inspect", file], in: folder.url).output
    }
    try convert(resnet20, "plain.pth")
    try convert("plain.pth", "guessed.safetensors")
    #expect(try inspect("guessed.safetensors").contains("assumed"))
    try convert(
      "plain.pth", "said.safetensors",
      ["--preprocessing", "tf", "--class-names", "[a, b, c, d, e, f, g, h, i, j]"])
    let said = try inspect("said.safetensors")
    #expect(!said.contains("assumed") && said.contains("0.5") && said.contains("j"))
  }

  // MARK: Labels

  @Test func fewerFoldersThanOutputsNeedNames() throws {
    let folder = try TemporaryFolder()
    let images = shared("too-few-folders/data9")
    let refused = try evaluate(images, isResNet20, in: folder)
    #expect(refused.code != 0)
    #expect(
      refused.error.contains(
        "the data has 9 class folders, the network 10 outputs, and nobody says which output each "
          + "folder is; name the class of every output by network.classNames"))
    let names = "[airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck]"
    // 49 of 54 images, as PyTorch has it; taken for outputs 0 to 8 it would be 24 %.
    let measured = try top1(evaluate(images, isResNet20 + ["--class-names", names], in: folder))
    #expect(abs(measured - 0.9074) < 0.0001)
  }

  // MARK: Images

  @Test func webPFilesAreReadLikeOthers() throws {
    let folder = try TemporaryFolder()
    let result = try evaluate(shared("ignored-extensions/data"), isResNet20, in: folder)
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? NSDictionary
    #expect(json?["validationImages"] as? Int == 60)
    #expect(json?["skippedImages"] as? Int == 0)
  }

  @Test func whatIsNotReadIsCountedAndNamed() throws {
    let folder = try TemporaryFolder()
    let manager = FileManager.default
    let set = folder.url.path + "/set"
    for name in try manager.contentsOfDirectory(atPath: cifar) {
      try manager.createDirectory(
        atPath: "\(set)/\(name)/deeper", withIntermediateDirectories: true)
      let files = try manager.contentsOfDirectory(atPath: "\(cifar)/\(name)").sorted().prefix(3)
      for (number, file) in files.enumerated() {
        let place = number == 0 ? "deeper/0.jfif" : "\(number).jpg"
        try manager.copyItem(
          atPath: "\(cifar)/\(name)/\(file)", toPath: "\(set)/\(name)/\(place)")
      }
      try Data("GIF89a".utf8).write(to: URL(fileURLWithPath: "\(set)/\(name)/3.gif"))
      try Data("about".utf8).write(to: URL(fileURLWithPath: "\(set)/\(name)/about.txt"))
    }
    let result = try evaluate(set, isResNet20, in: folder)
    #expect(result.code == 0, "\(result.error)")
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? NSDictionary
    #expect(json?["validationImages"] as? Int == 30)
    #expect(json?["skippedImages"] as? Int == 20)
    let warnings = result.error.split(separator: "\n").filter {
      $0.hasPrefix("warning:") && !$0.contains("is a guess")
    }
    #expect(warnings.count == 11)
    #expect(warnings.first?.hasSuffix("about.txt is omitted: is no image") == true)
    #expect(warnings.last == "warning: 10 more files are omitted, 20 in all")
  }

  // MARK: Networks

  @Test func impossibleVariancesAreFoundWhenLoaded() throws {
    let folder = try TemporaryFolder()
    let file = shared("negative-variance/resnet20-negative-variance.h5")
    for result in [
      try explain(file, cifar + "/cat/0001.jpg", isResNet20, in: folder),
      try CommandLineProgram.run("inspect", "--check", file),
    ] {
      #expect(result.code != 0)
      #expect(result.error.contains("variances that are negative, the first is -1.0 at [3]"))
    }
  }

  /// Keras on x/255 gives 0.2429 for class 2.
  @Test func aGuessIsSaidAndTheSizeIsTheModels() throws {
    let folder = try TemporaryFolder()
    let model = shared("silent-preprocessing/k3_fitted.h5")
    let guessed = try explain(model, cifar + "/cat/0001.jpg", in: folder)
    #expect(guessed.code == 0)
    #expect(guessed.error.contains("does not say how images are normalised"))
    #expect(guessed.error.contains("--preprocessing"))
    let said = try explain(
      model, cifar + "/cat/0001.jpg",
      ["--preprocessing", "{mean: [0, 0, 0], standardDeviation: [1, 1, 1]}", "--class", "2"],
      in: folder)
    #expect(!said.error.contains("guess"))
    let json = try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [NSDictionary]
    let p = Self.value("network.explained.confidence", json?.first) as? Double
    #expect(abs((p ?? 0) - 0.2429) < 0.0001)
    // A image of another size is brought to that of the model.
    let photograph = Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png"
    let resized = try explain(model, photograph, in: folder)
    #expect(resized.code == 0)
    #expect(resized.error.contains("takes images of 32x32, to which those of 46x34 are resized"))
  }

  @Test func oneChannelIsGrayAndFourAreRefused() throws {
    let folder = try TemporaryFolder()
    let image = cifar + "/cat/0001.jpg"
    let gray = try explain(
      shared("channels/ch1.h5"), image,
      ["--interpreter", "input-x-gradient"], in: folder)
    #expect(gray.code == 0, "\(gray.error)")
    // NumPy on Pillow's convert("L"), less 0.449, over 0.226, in double precision.
    let predicted = try prediction(gray)
    #expect(predicted.index == 0 && abs(predicted.p - 0.87201873) < 1e-6)
    let four = shared("channels/ch4.h5")
    for arguments in [
      ["explain", four, image], ["inspect", "--check", four],
      [
        "evaluate", four, "--against", four, "--data", cifar, "--interpreter",
        "input-x-gradient",
      ],
    ] {
      let result = try CommandLineProgram.run(list: arguments, in: folder.url)
      #expect(result.code != 0)
      #expect(
        result.error.contains("the network takes images of 4 channels"),
        "\(arguments[0]): \(result.error)")
    }
  }

  @Test func bfloat16OfKerasIsRead() throws {
    let result = try CommandLineProgram.run(
      "inspect", "--check", shared("bfloat16/k3_bfloat16.h5"))
    #expect(result.code == 0, "\(result.error)")
    let words = result.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("holds 10 of bfloat16 among 10 arrays"))
  }

  @Test(arguments: ["wrapped.h5", "module.safetensors", "head.h5"])
  func namesThatDifferAreMapped(file: String) throws {
    let folder = try TemporaryFolder()
    let image = cifar + "/cat/0001.jpg"
    let plain = try prediction(explain(resnet20, image, isResNet20, in: folder))
    let other = try prediction(explain(shared("torch-names/" + file), image, in: folder))
    #expect(other == plain)
  }

  /// Models within models, a layer that is called twice, and `.keras`: the numbers of Keras 3. It does
  /// not load the file of Keras 2, whose numbers are NumPy's.
  @Test(arguments: [
    ("keras3-layers/k3_nestedfunc.h5", 5, 0.26415372),
    ("keras3-layers/k3_nestedseq.h5", 1, 0.26982988),
    ("keras3-layers/k3_shared.h5", 7, 0.27803395), ("keras-zip/k3_m.keras", 2, 0.28680253),
    ("keras-messages/k2_nestedfunc.h5", 5, 0.26415372),
  ])
  func modelsOfKerasGiveItsNumbers(file: String, index: Int, p: Double) throws {
    let folder = try TemporaryFolder()
    let result = try explain(shared(file), cifar + "/cat/0001.jpg", in: folder)
    #expect(result.code == 0, "\(result.error)")
    let predicted = try prediction(result)
    #expect(predicted.index == index && abs(predicted.p - p) < 1e-5)
  }

  /// Predicted class and probability of Keras 3.15 with the same pixels: normalised as the note of the
  /// guess has it, or, where the model does it, from 0 to 1.
  @Test(arguments: [
    ("k3_augment", 0, 0.533073), ("k3_cropping", 0, 0.320044), ("k3_elu", 0, 0.339237),
    ("k3_gray", 8, 0.706923), ("k3_layernorm", 3, 0.333870), ("k3_leaky", 0, 0.352954),
    ("k3_normalization", 0, 0.286931), ("k3_prelu", 3, 0.268325), ("k3_relu6", 0, 0.533073),
    ("k3_reshape", 5, 0.264154), ("k3_separable", 1, 0.145573), ("k3_sigmoid1", 0, 0.523379),
    ("k3_sigmoid10", 0, 0.828504), ("k3_spatialdropout", 0, 0.533073),
    ("k3_squeezeexcite", 3, 0.214177), ("k3_swish", 0, 0.379268), ("k3_tanh", 5, 0.221393),
  ])
  func layersOfKerasAreRead(file: String, index: Int, probability: Double) throws {
    let folder = try TemporaryFolder()
    let result = try explain(
      shared("keras3-layers/\(file).h5"), cifar + "/cat/0001.jpg", in: folder)
    #expect(result.code == 0, "\(result.error)")
    #expect(result.error.contains("guess") == (file != "k3_normalization"))
    let predicted = try prediction(result)
    #expect(predicted.index == index)
    // Single precision on both sides, and six digits.
    #expect(abs(predicted.p - probability) < 1e-5)
  }

  /// Arithmetic between layers; where it normalises the images, nothing is a guess.
  @Test(arguments: [("k2_arith", false), ("k2_plusop", true), ("k3_prein", false)])
  func arithmeticOfKerasIsRead(file: String, isGuessed: Bool) throws {
    let folder = try TemporaryFolder()
    let result = try explain(
      shared("keras-messages/\(file).h5"), cifar + "/cat/0001.jpg", in: folder)
    #expect(result.code == 0, "\(result.error)")
    #expect(result.error.contains("guess") == isGuessed)
  }

  @Test(arguments: [
    ("keras-zip/k3_only.weights.h5", "holds weights without their network (10 arrays)")
  ])
  func theCauseIsNamed(file: String, text: String) throws {
    let folder = try TemporaryFolder()
    let result = try explain(shared(file), cifar + "/cat/0001.jpg", in: folder)
    #expect(result.code != 0)
    #expect(result.error.contains(text), "\(result.error)")
    #expect(result.error.split(separator: "\n").count <= 3)
  }

  @Test(arguments: ["bom.yaml", "bom3.yaml"])
  func aByteOrderMarkIsRead(file: String) throws {
    let result = try CommandLineProgram.run(
      "recipe", "check", shared("yaml-bom/" + file), "--no-time")
    #expect(!result.error.contains("not YAML"), "\(result.error)")
  }
}

import Checkpoints
import Foundation
import TensorGraph
import Testing

/// State dicts whose names are not quite the network's.
@Suite struct StateDictNamesTests {
  static let layers = [
    ParameterizedLayer(
      name: "conv0", kind: .convolution, weightShape: [2, 3, 3, 2], hasBias: false),
    ParameterizedLayer(
      name: "features.denseblock1.denselayer1.norm1", kind: .batchNorm, weightShape: [2]),
    ParameterizedLayer(name: "fc", kind: .dense, weightShape: [3, 2]),
  ]
  private static let counter = "features.denseblock1.denselayer1.norm1.num_batches_tracked"

  private static func tensor(_ parameter: ParameterSpecification) -> Tensor {
    let start = Float(parameter.name.utf8.reduce(0) { $0 + Int($1) })
    return Tensor(
      shape: parameter.shape, values: (0..<parameter.shape.count).map { start + Float($0) })
  }

  /// A file with the layers' parameters under other names.
  private func write(
    to path: String, others: [String] = [], _ name: (String) -> String
  ) throws {
    try HDF5Writer.write(to: path) { file in
      for parameter in Self.layers.flatMap(\.parameters) {
        var tensor = Self.tensor(parameter)
        // Filters as PyTorch has them.
        if tensor.shape.rank == 4 { tensor = tensor.transposed([0, 3, 1, 2]) }
        try file.write(tensor, as: name(parameter.name))
      }
      try file.write(7, as: name(Self.counter))
      for other in others { try file.write(ramp([2]), as: other) }
    }
  }

  private func expectRead(_ path: String, _ notes: [String]) throws {
    let file = try CheckpointFile(path: path)
    let expected = Dictionary(
      uniqueKeysWithValues: Self.layers.flatMap(\.parameters).map { ($0.name, Self.tensor($0)) })
    #expect(try file.tensors(Self.layers) == expected)
    #expect(try file.match(Self.layers).notes == notes)
    #expect(try file.readBatchCounts(Self.layers) == [Self.counter: 7])
  }

  @Test(arguments: [
    "module.", "model.", "_orig_mod.", "net.", "backbone.", "module.model.", "state_dict/",
    "a/b/c.",
  ])
  func aCommonPrefixIsTakenOff(prefix: String) throws {
    let folder = try TemporaryFolder()
    try write(to: folder.file("a.h5")) { prefix + $0 }
    try expectRead(
      folder.file("a.h5"), ["has \"\(prefix)\" before every name, which is taken off"])
  }

  @Test func whatLiesBesideAStateDictIsLeftOutAndCounted() throws {
    let folder = try TemporaryFolder()
    try write(to: folder.file("a.h5"), others: ["epoch", "optimizer/first"]) {
      "state_dict/module." + $0
    }
    try expectRead(
      folder.file("a.h5"),
      [
        "has \"state_dict/module.\" before every name, which is taken off",
        "has 2 arrays outside of \"state_dict/module.\", which are omitted",
      ])
  }

  @Test func oldNamesOfDenseNetsAreRead() throws {
    let folder = try TemporaryFolder()
    try write(to: folder.file("a.h5")) { $0.replacingOccurrences(of: "norm1", with: "norm.1") }
    try expectRead(folder.file("a.h5"), ["has the names norm.1 and conv.1 for norm1 and conv1"])
  }

  @Test func aHeadMayStandInASequential() throws {
    let folder = try TemporaryFolder()
    try write(to: folder.file("a.h5")) {
      "model." + $0.replacingOccurrences(of: "fc.", with: "fc.1.")
    }
    try expectRead(
      folder.file("a.h5"),
      ["has \"model.\" before every name, which is taken off", "calls the layer fc fc.1"])
  }

  @Test func aHeadMayHaveAnotherNameAndStandOutsideOfThePrefix() throws {
    let folder = try TemporaryFolder()
    try write(to: folder.file("a.h5")) {
      $0.hasPrefix("fc.") ? "classifier.1." + $0.dropFirst(3) : "backbone." + $0
    }
    try expectRead(
      folder.file("a.h5"),
      [
        "has \"backbone.\" before all names but the last layer's, which is taken off",
        "calls the layer fc classifier.1",
      ])
  }

  /// A file of layers whose parameters are under other names, filled with numbers of their own.
  private func write(
    _ layers: [ParameterizedLayer], to path: String, _ name: (String) -> String
  ) throws {
    try HDF5Writer.write(to: path) { file in
      for parameter in layers.flatMap(\.parameters) {
        var tensor = Self.tensor(parameter)
        if tensor.shape.rank == 4 { tensor = tensor.transposed([0, 3, 1, 2]) }
        try file.write(tensor, as: name(parameter.name))
      }
    }
  }

  private func expectRead(
    _ layers: [ParameterizedLayer], _ path: String, _ notes: [String]
  ) throws {
    let file = try CheckpointFile(path: path)
    #expect(
      try file.tensors(layers)
        == Dictionary(
          uniqueKeysWithValues: layers.flatMap(\.parameters).map { ($0.name, Self.tensor($0)) }))
    #expect(try file.match(layers).notes == notes)
  }

  @Test func severalDenseLayersAreFoundByTheOrderOfTheirNumbers() throws {
    let folder = try TemporaryFolder()
    let layers = [
      ParameterizedLayer(name: "features.0", kind: .convolution, weightShape: [2, 3, 3, 3]),
      ParameterizedLayer(name: "classifier.0", kind: .dense, weightShape: [4, 8]),
      ParameterizedLayer(name: "classifier.3", kind: .dense, weightShape: [4, 4]),
      ParameterizedLayer(name: "classifier.6", kind: .dense, weightShape: [4, 4]),
    ]
    let others = ["0": "2", "3": "10", "6": "12"]
    try write(layers, to: folder.file("a.h5")) { name in
      var parts = name.split(separator: ".").map(String.init)
      if parts[0] == "classifier" { parts[1] = others[parts[1]]! }
      return parts.joined(separator: ".")
    }
    try expectRead(
      layers, folder.file("a.h5"),
      [
        "calls the layer classifier.0 classifier.2", "calls the layer classifier.3 classifier.10",
        "calls the layer classifier.6 classifier.12",
      ])
    // Words have no order.
    let words = ["0": "first", "3": "last", "6": "middle"]
    try write(layers, to: folder.file("b.h5")) { name in
      var parts = name.split(separator: ".").map(String.init)
      if parts[0] == "classifier" { parts[1] = words[parts[1]]! }
      return parts.joined(separator: ".")
    }
    #expect(
      failure { _ = try CheckpointFile(path: folder.file("b.h5")).match(layers) }?
        .hasPrefix("b.h5: /classifier.0.weight is missing, expected [4, 8]") == true)
  }

  @Test func namesOfHuggingFacesResNetsAreRead() throws {
    let folder = try TemporaryFolder()
    let convolution = ParameterizedLayer.Kind.convolution
    let layers = [
      ParameterizedLayer(
        name: "conv1", kind: convolution, weightShape: [2, 7, 7, 3], hasBias: false),
      ParameterizedLayer(name: "bn1", kind: .batchNorm, weightShape: [2]),
      ParameterizedLayer(
        name: "layer2.0.conv1", kind: convolution, weightShape: [4, 3, 3, 2], hasBias: false),
      ParameterizedLayer(name: "layer2.0.bn1", kind: .batchNorm, weightShape: [4]),
      ParameterizedLayer(
        name: "layer2.0.conv2", kind: convolution, weightShape: [4, 3, 3, 4], hasBias: false),
      ParameterizedLayer(name: "layer2.0.bn2", kind: .batchNorm, weightShape: [4]),
      ParameterizedLayer(
        name: "layer2.0.downsample.0", kind: convolution, weightShape: [4, 1, 1, 2],
        hasBias: false),
      ParameterizedLayer(name: "layer2.0.downsample.1", kind: .batchNorm, weightShape: [4]),
      ParameterizedLayer(name: "fc", kind: .dense, weightShape: [3, 4]),
    ]
    let block = "resnet.encoder.stages.1.layers.0."
    let names = [
      "conv1": "resnet.embedder.embedder.convolution",
      "bn1": "resnet.embedder.embedder.normalization",
      "layer2.0.conv1": block + "layer.0.convolution",
      "layer2.0.bn1": block + "layer.0.normalization",
      "layer2.0.conv2": block + "layer.1.convolution",
      "layer2.0.bn2": block + "layer.1.normalization",
      "layer2.0.downsample.0": block + "shortcut.convolution",
      "layer2.0.downsample.1": block + "shortcut.normalization", "fc": "classifier.1",
    ]
    try write(layers, to: folder.file("a.h5")) { name in
      let dot = name.lastIndex(of: ".")!
      return names[String(name[..<dot])]! + name[dot...]
    }
    try expectRead(
      layers, folder.file("a.h5"),
      ["has the names of Hugging Face's ResNets, embedder, stages and layers"])
  }

  /// Of two dense layers none is guessed to be the head.
  @Test func namesThatDoNotFitAfterAllAreLeftAsTheyAre() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    try write(to: path, others: ["model.fc.3.weight"]) {
      "model." + $0.replacingOccurrences(of: "fc.", with: "fc.1.")
    }
    let text = failure { _ = try CheckpointFile(path: path).match(Self.layers) }
    #expect(text?.hasPrefix("a.h5: /conv0.weight is missing, expected [2, 2, 3, 3]\n") == true)
    // Seven are missing, eight too many.
    #expect(text?.split(separator: "\n").count == 11)
    #expect(text?.hasSuffix("\na.h5: and 5 more of the kind") == true)
  }
}

/// Values that no network has.
@Suite struct ImpossibleValueTests {
  private static let layers = [
    ParameterizedLayer(name: "conv", kind: .convolution, weightShape: [4, 2, 3, 5]),
    ParameterizedLayer(name: "norm", kind: .batchNorm, weightShape: [4]),
    ParameterizedLayer(name: "fc", kind: .dense, weightShape: [3, 4]),
  ]
  static let layouts: [(CheckpointLayout, filter: String, variance: String, index: String)] = [
    (.torch, "conv.weight", "norm.running_var", "[3, 4, 1, 2]"),
    (.safetensors, "conv.weight", "norm.running_var", "[3, 4, 1, 2]"),
    (.keras2, "conv/conv/kernel:0", "norm/norm/moving_variance:0", "[1, 2, 4, 3]"),
    (
      .keras3, "layers/conv2d/vars/0", "layers/batch_normalization/vars/3", "[1, 2, 4, 3]"
    ),
  ]

  private func write(
    _ layout: CheckpointLayout, to path: String, changing name: String, at place: Int,
    to value: Float
  ) throws {
    var parameters: [String: Tensor] = [:]
    for parameter in Self.layers.flatMap(\.parameters) {
      var values = [Float](repeating: 0.5, count: parameter.shape.count)
      if parameter.name == name { values[place] = value }
      parameters[parameter.name] = Tensor(shape: parameter.shape, values: values)
    }
    try Checkpoint(parameters: parameters).save(to: path, as: layout, layers: Self.layers)
  }

  @Test(arguments: layouts)
  func aNegativeVarianceIsAnErrorOfTheFile(
    layout: CheckpointLayout, filter: String, variance: String, index: String
  ) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    try write(layout, to: path, changing: "norm.running_var", at: 3, to: -1)
    #expect(
      failure { _ = try CheckpointFile(path: path).tensors(Self.layers) }
        == "a.h5: /\(variance) has 1 of 4 variances that are negative, the first is -1.0 at [3]")
    // A mean may be.
    try write(layout, to: path, changing: "norm.running_mean", at: 3, to: -1)
    _ = try CheckpointFile(path: path).tensors(Self.layers)
  }

  /// The index is that of the file's array, whose axes are in another order than in memory.
  @Test(arguments: layouts)
  func theFirstValueThatIsNotFiniteIsNamed(
    layout: CheckpointLayout, filter: String, variance: String, index: String
  ) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    // [3, 1, 2, 4] of [4, 2, 3, 5] in memory.
    try write(
      layout, to: path, changing: "conv.weight", at: ((3 * 2 + 1) * 3 + 2) * 5 + 4,
      to: -.infinity)
    #expect(
      failure { _ = try CheckpointFile(path: path).tensors(Self.layers) }
        == "a.h5: /\(filter) has 1 of 120 values that are not finite numbers as float32, the first "
        + "is -inf at \(index)")
  }

  /// Finite in the file's own type, infinite in ours.
  @Test func aDoubleThatIsTooLargeIsNotFinite() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    let header = #"{"fc.weight":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]}}"#
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    bytes += Array(header.utf8)
    for value in [1, 1e300] as [Double] {
      bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let layers = [
      ParameterizedLayer(name: "fc", kind: .dense, weightShape: [1, 2], hasBias: false)
    ]
    #expect(
      failure { _ = try CheckpointFile(path: path).tensors(layers) }
        == "a.safetensors: /fc.weight has 1 of 2 values that are not finite numbers as float32, the "
        + "first is inf at [0, 1]")
  }
}

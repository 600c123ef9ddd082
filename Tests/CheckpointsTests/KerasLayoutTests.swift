import Checkpoints
import Foundation
import TensorGraph
import Testing

/// The network of tools/make_keras_fixtures.py, whose arrays Keras wrote.
let tinyLayers = [
  ParameterizedLayer(name: "first", kind: .convolution, weightShape: [4, 3, 3, 3]),
  ParameterizedLayer(
    name: "depth", kind: .depthwiseConvolution, weightShape: [4, 3, 3, 1], hasBias: false),
  ParameterizedLayer(name: "norm", kind: .batchNorm, weightShape: [4]),
  ParameterizedLayer(name: "short", kind: .convolution, weightShape: [4, 1, 1, 2]),
  ParameterizedLayer(name: "top", kind: .dense, weightShape: [3, 4]),
]

/// What its arrays hold in the graph's order: in Keras's order the i-th number of the n-th array is
/// n + i / 64. The filter of `short` comes before `norm` in no file, whatever the layers' order here.
private func tinyParameters() -> [String: Tensor] {
  let order = [
    "first.weight", "first.bias", "depth.weight", "norm.weight", "norm.bias", "norm.running_mean",
    "norm.running_var", "short.weight", "short.bias", "top.weight", "top.bias",
  ]
  var shapes: [String: Shape] = [:]
  for parameter in tinyLayers.flatMap(\.parameters) { shapes[parameter.name] = parameter.shape }
  var tensors: [String: Tensor] = [:]
  for (number, name) in order.enumerated() {
    let shape = shapes[name]!
    func ramp(_ shape: Shape) -> Tensor {
      Tensor(
        shape: shape, values: (0..<shape.count).map { Float(number) + Float($0) / 64 })
    }
    tensors[name] =
      switch shape.rank {
      case 4: ramp([shape[1], shape[2], shape[3], shape[0]]).transposed([3, 0, 1, 2])
      case 2: ramp([shape[1], shape[0]]).transposed([1, 0])
      default: ramp(shape)
      }
  }
  return tensors
}

struct KerasLayoutTests {
  static let files: [(String, CheckpointLayout)] = [
    ("keras-tiny-weights.h5", .keras2), ("keras-tiny-model.h5", .keras2Model),
    ("keras-tiny.weights.h5", .keras3), ("keras-tiny-unnamed.weights.h5", .keras3),
  ]

  @Test(arguments: files)
  func readsWhatKerasWrote(name: String, layout: CheckpointLayout) throws {
    let file = try CheckpointFile(path: fixture(name))
    #expect(file.layout == layout)
    #expect(file.metadata == CheckpointMetadata())
    #expect(try file.tensors(tinyLayers) == tinyParameters())
    #expect((file.modelConfig != nil) == (layout == .keras2Model))
    #expect(file.modelConfig?.contains("\"class_name\": \"Functional\"") ?? true)
    #expect(try file.readBatchCounts() == [:])
    #expect(try file.match(tinyLayers).notes == [])
  }

  /// Names decide; only where they are others, the order does, as in Keras.
  @Test func namesComeBeforeOrder() throws {
    let shuffled = Array(tinyLayers.reversed())
    for name in ["keras-tiny-weights.h5", "keras-tiny.weights.h5"] {
      #expect(
        try CheckpointFile(path: fixture(name)).tensors(shuffled) == tinyParameters(), "\(name)")
    }
    let renamed = tinyLayers.map {
      ParameterizedLayer(
        name: "my_" + $0.name, kind: $0.kind, weightShape: $0.weightShape, hasBias: $0.hasBias)
    }
    for (name, layout) in Self.files {
      let file = try CheckpointFile(path: fixture(name))
      let tensors = try file.tensors(renamed)
      #expect(
        tensors
          == Dictionary(uniqueKeysWithValues: tinyParameters().map { ("my_" + $0.key, $0.value) }))
      #expect(
        try file.match(renamed).notes
          == (layout == .keras3
            ? [] : ["layers have other names than the network's and were taken in order"]))
    }
  }

  @Test func oneErrorListsEveryMismatch() throws {
    var layers = tinyLayers
    layers[0] = ParameterizedLayer(name: "first", kind: .convolution, weightShape: [8, 3, 3, 3])
    layers[4] = ParameterizedLayer(name: "top", kind: .dense, weightShape: [3, 4], hasBias: false)
    layers.append(ParameterizedLayer(name: "second", kind: .dense, weightShape: [2, 3]))
    #expect(
      failure { _ = try CheckpointFile(path: fixture("keras-tiny-model.h5")).match(layers) } == """
        keras-tiny-model.h5: /model_weights/first/first/kernel has shape [3, 3, 3, 4], expected \
        [3, 3, 3, 8]
        keras-tiny-model.h5: /model_weights/first/first/bias has shape [4], expected [8]
        keras-tiny-model.h5: has 2 arrays for the layer "top", expected 1: kernel
        keras-tiny-model.h5: has no layer "second", expected [2, 3]
        """)
    #expect(
      failure {
        _ = try CheckpointFile(path: fixture("keras-tiny-weights.h5")).match(
          Array(tinyLayers.dropLast()))
      } == """
        keras-tiny-weights.h5: has a layer "top", but the network has none of this name
        """)
    #expect(
      failure {
        let unnamed = try CheckpointFile(path: fixture("keras-tiny-unnamed.weights.h5"))
        _ = try unnamed.match(Array(tinyLayers.dropFirst()))
      } == """
        keras-tiny-unnamed.weights.h5: /layers/conv2d/vars/0 has shape [3, 3, 3, 4], expected \
        [1, 1, 2, 4]
        keras-tiny-unnamed.weights.h5: /layers/conv2d_1 is a layer, but the network has none of \
        this name
        """)
  }

  @Test(arguments: CheckpointLayout.allCases)
  func everyLayoutComesBackBitForBit(layout: CheckpointLayout) throws {
    let folder = try TemporaryFolder()
    var parameters: [String: Tensor] = [:]
    for parameter in tinyLayers.flatMap(\.parameters) {
      var tensor = awkwardTensor(parameter.shape)
      for index in tensor.values.indices where !tensor.values[index].isFinite {
        tensor.values[index] = -.leastNonzeroMagnitude
      }
      // Of a variance no sign comes back: there is no negative one.
      if parameter.name.hasSuffix(".running_var") {
        for index in tensor.values.indices { tensor.values[index] = tensor.values[index].magnitude }
      }
      parameters[parameter.name] = tensor
    }
    var provenance = Provenance()
    provenance.manipulated = true
    let checkpoint = Checkpoint(
      parameters: parameters, batchCounts: layout.isKeras ? [:] : ["norm.num_batches_tracked": 7],
      metadata: CheckpointMetadata(
        architecture: "{\"family\":\"x\"}", classNames: ["a", "b"], preprocessing: "{}",
        provenance: provenance))
    let path = folder.file("a" + layout.fileExtension)
    let config = layout.hasModelConfig ? "{\"class_name\": \"Sequential\"}" : nil
    try checkpoint.save(to: path, as: layout, layers: tinyLayers, modelConfig: config)
    let file = try CheckpointFile(path: path)
    // Ours and PyTorch's differ in whose names they hold, not in form.
    #expect(file.layout == (layout == .torch ? .trompe : layout))
    #expect(file.metadata == checkpoint.metadata)
    #expect(file.modelConfig == config)
    #expect(try file.readBatchCounts() == checkpoint.batchCounts)
    let tensors = try file.tensors(tinyLayers)
    #expect(tensors.mapValues(bits) == parameters.mapValues(bits))
    #expect(tensors.mapValues(\.shape) == parameters.mapValues(\.shape))
    // The same contents give the same bytes.
    let again = folder.file("b" + layout.fileExtension)
    try checkpoint.save(to: again, as: layout, layers: tinyLayers, modelConfig: config)
    #expect(try contents(path) == contents(again))
  }

  /// A file that was read in one layout and written in the same has the same datasets.
  @Test(arguments: files.filter { $0.1 != .keras2Model })
  func goesBackAsItCame(name: String, layout: CheckpointLayout) throws {
    let folder = try TemporaryFolder()
    let file = try CheckpointFile(path: fixture(name))
    let path = folder.file("back.h5")
    try Checkpoint(parameters: try file.tensors(tinyLayers))
      .save(to: path, as: layout, layers: tinyLayers)
    let (before, after) = (try HDF5File(path: fixture(name)), try HDF5File(path: path))
    func normalized(_ name: String) -> String {
      name.replacingOccurrences(of: ":0", with: "")
        .replacingOccurrences(of: "depthwise_kernel", with: "kernel")
    }
    #expect(before.tensors.map(\.name) == after.tensors.map { normalized($0.name) })
    for tensor in after.tensors {
      #expect(try before.read(normalized(tensor.name)) == after.read(tensor.name))
    }
  }

  /// Two filters in one layer of Keras's, the first [rows, columns, channels, multiplier].
  @Test(arguments: [
    (
      CheckpointLayout.keras2,
      [
        "sep/sep/bias:0", "sep/sep/depthwise_kernel:0", "sep/sep/pointwise_kernel:0",
        "top/top/bias:0", "top/top/kernel:0",
      ]
    ),
    (
      .keras3,
      [
        "layers/conv2d/vars/0", "layers/conv2d/vars/1", "layers/separable_conv2d/vars/0",
        "layers/separable_conv2d/vars/1", "layers/separable_conv2d/vars/2",
      ]
    ),
  ])
  func aSeparableConvolutionIsOneLayer(layout: CheckpointLayout, names: [String]) throws {
    let folder = try TemporaryFolder()
    let layers = [
      ParameterizedLayer(
        name: "sep.depthwise", kind: .depthwiseConvolution, weightShape: [6, 5, 3, 1],
        inputChannels: 3, hasBias: false),
      ParameterizedLayer(name: "sep.pointwise", kind: .convolution, weightShape: [4, 1, 1, 6]),
      ParameterizedLayer(name: "top", kind: .convolution, weightShape: [2, 3, 3, 4]),
    ]
    var parameters: [String: Tensor] = [:]
    for parameter in layers.flatMap(\.parameters) {
      parameters[parameter.name] = ramp(parameter.shape)
    }
    let path = folder.file("a.h5")
    try Checkpoint(parameters: parameters).save(to: path, as: layout, layers: layers)
    let file = try CheckpointFile(path: path)
    #expect(file.container.parameters.map(\.name) == names)
    #expect(
      file.container.parameters.map(\.shape).contains([5, 3, 3, 2])
        && file.container.parameters.map(\.shape).contains([1, 1, 6, 4]))
    #expect(try file.tensors(layers) == parameters)
    guard layout == .keras3 else { return }
    // Keras 3's older files have no names, and a whole model says in which groups its layers are.
    let unnamed = folder.file("b.h5")
    try HDF5Writer.write(to: unnamed) { writer in
      for tensor in file.container.parameters {
        let name = tensor.name.replacingOccurrences(of: "separable_conv2d", with: "mine")
        try writer.write(try file.container.read(tensor.name), as: name)
      }
    }
    let places = CheckpointFile.KerasPlaces(groups: ["sep": ["mine"], "top": ["conv2d"]])
    let match = try CheckpointFile(path: unnamed).match(layers, in: places)
    #expect(
      Dictionary(
        uniqueKeysWithValues: match.stored.map { ($0.parameter.name, $0.dataset) }) == [
          "sep.depthwise.weight": "layers/mine/vars/0",
          "sep.pointwise.weight": "layers/mine/vars/1",
          "sep.pointwise.bias": "layers/mine/vars/2", "top.weight": "layers/conv2d/vars/0",
          "top.bias": "layers/conv2d/vars/1",
        ])
  }

  /// Keras's Normalization has three arrays, the last of which nothing is computed from.
  @Test(arguments: [
    (CheckpointLayout.keras2, ["own/own/count:0", "own/own/mean:0", "own/own/variance:0"]),
    (
      .keras3,
      [
        "layers/normalization/vars/0", "layers/normalization/vars/1",
        "layers/normalization/vars/2",
      ]
    ),
  ])
  func storedStatisticsHaveACounter(layout: CheckpointLayout, names: [String]) throws {
    let folder = try TemporaryFolder()
    let layers = [
      ParameterizedLayer(
        name: "own", kind: .normalization, weightShape: [3], hasWeight: false, hasBias: false)
    ]
    let parameters = ["own.running_mean": ramp([3]), "own.running_var": ramp([3])]
    let path = folder.file("a.h5")
    try Checkpoint(parameters: parameters).save(to: path, as: layout, layers: layers)
    let file = try CheckpointFile(path: path)
    #expect(file.container.parameters.map(\.name) == names)
    let counter = layout == .keras2 ? names[0] : names[2]
    #expect(try file.container.readInteger(counter) == 0)
    #expect(try file.tensors(layers) == parameters)
  }

  @Test func aBatchNormMayLackFactorOrSummand() throws {
    let folder = try TemporaryFolder()
    try HDF5Writer.write(to: folder.file("a.h5")) { file in
      try file.setAttribute("layer_names", to: .texts(["input", "norm"]))
      try file.createGroup("input")
      try file.setAttribute("weight_names", to: .numbers([]), ofGroup: "input")
      try file.createGroup("norm")
      let names = ["norm/beta:0", "norm/moving_mean:0", "norm/moving_variance:0"]
      try file.setAttribute("weight_names", to: .texts(names), ofGroup: "norm")
      for (index, name) in names.enumerated() {
        try file.write(Tensor(repeating: Float(index + 2), shape: [2]), as: "norm/" + name)
      }
    }
    let file = try CheckpointFile(path: folder.file("a.h5"))
    let norm = ParameterizedLayer(
      name: "norm", kind: .batchNorm, weightShape: [2], hasWeight: false)
    #expect(
      try file.tensors([norm]).mapValues(\.values) == [
        "norm.bias": [2, 2], "norm.running_mean": [3, 3], "norm.running_var": [4, 4],
      ])
    let whole = ParameterizedLayer(name: "norm", kind: .batchNorm, weightShape: [2])
    #expect(
      failure { _ = try file.match([whole]) }
        == "a.h5: has 3 arrays for the layer \"norm\", expected 4: gamma, beta, moving_mean, "
        + "moving_variance")
  }

  @Test func listsOfNamesMayBeSplitAndSlashesStandForUnderscores() throws {
    let folder = try TemporaryFolder()
    try HDF5Writer.write(to: folder.file("a.h5")) { file in
      try file.setAttribute("layer_names0", to: .texts(["conv1/conv"]))
      try file.setAttribute("layer_names1", to: .texts(["fc"]))
      for (layer, shape) in [("conv1/conv", [1, 1, 3, 2]), ("fc", [2, 4])] as [(String, Shape)] {
        try file.createGroup(layer)
        try file.setAttribute("weight_names", to: .texts(["kernel:0"]), ofGroup: layer)
        try file.write(ramp(shape), as: layer + "/kernel:0")
      }
    }
    let layers = [
      ParameterizedLayer(
        name: "conv1_conv", kind: .convolution, weightShape: [2, 1, 1, 3], hasBias: false),
      ParameterizedLayer(name: "fc", kind: .dense, weightShape: [4, 2], hasBias: false),
    ]
    #expect(
      try CheckpointFile(path: folder.file("a.h5")).tensors(layers) == [
        "conv1_conv.weight": ramp([1, 1, 3, 2]).transposed([3, 0, 1, 2]),
        "fc.weight": ramp([2, 4]).transposed([1, 0]),
      ])
  }

  @Test func saysWhatIsWrongWithListsOfNames() throws {
    let folder = try TemporaryFolder()
    func file(_ write: (inout HDF5Writer) throws -> Void) throws -> String? {
      let path = folder.file("a.h5")
      try HDF5Writer.write(to: path, write)
      return failure { _ = try CheckpointFile(path: path).match(tinyLayers) }
    }
    #expect(
      try file { try $0.setAttribute("layer_names", to: .integer(3)) }
        == "a.h5: /@layer_names is not a list of names")
    #expect(
      try file { try $0.setAttribute("layer_names", to: .texts(["../../etc"])) }
        == "a.h5: /../../etc is missing, expected the group of a layer")
    #expect(
      try file {
        try $0.createGroup("a")
        try $0.setAttribute("layer_names", to: .texts(["a", "a"]))
      } == "a.h5: /@layer_names has a layer twice")
    #expect(
      try file {
        try $0.createGroup("model_weights")
        try $0.setAttribute("model_config", to: .integer(1))
      } == "a.h5: /@model_config is not text")
    #expect(
      try file { try $0.createGroup("model_weights") }
        == "a.h5: /model_weights@layer_names is missing, expected layer names")
  }

  /// Behind a block of the user's, in compressed chunks, in other floats.
  @Test func oddFilesHoldTheSame() throws {
    let file = try CheckpointFile(path: fixture("keras-tiny-odd.h5"))
    #expect(try file.tensors(tinyLayers) == tinyParameters())
    #expect(
      try file.match(tinyLayers).notes
        == ["holds 1 of float16 and 1 of float64 among 11 arrays, read as float32"])
    // Without memory for the whole, blocks come in order and together are the whole.
    for stored in file.container.tensors where stored.elementType.isFloat {
      let whole = try file.container.read(stored.name).values
      var values: [Float] = []
      try file.container.readBlocks(of: stored.name, multipleOf: 1, into: nil) { start, block in
        #expect(start == values.count)
        values += block
      }
      #expect(values == whole, "\(stored.name)")
    }
  }
}

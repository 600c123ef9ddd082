import Networks
import TensorGraph

/// Arithmetic between a Keras model's layers: Keras 2's `TFOpLambda`, Keras 3's operations.
enum KerasOperation {
  case add, subtract, multiply, divide, negative
  /// Another type of number: nothing.
  case cast
  /// `x[..., ::-1]`
  case slice
  /// A function of every element by Keras's name.
  case activation(String)
  /// A function of every element with its numbers.
  case function(Layer)
  /// min(max(x, least), largest)
  case clip(Double, Double)
  /// The mean or the maximum over axes, counted with the batch, which stay with an extent of 1 or go.
  case reduce(isMean: Bool, axes: [Int], keepsAxes: Bool)

  /// By the class that Keras 3 writes or the function that Keras 2 does.
  init?(_ className: String, _ config: KerasObject) {
    let function = config.value("function") as? String
    switch (className, function) {
    case ("TFOpLambda", let function?):
      self.init(function: function.split(separator: ".").last.map(String.init) ?? "")
    case ("SlicingOpLambda", "__operators__.getitem"): self = .slice
    case (_, nil):
      if Self.options[className] != nil {
        self.init(className, options: config)
      } else {
        self.init(class: className)
      }
    default: return nil
    }
  }

  /// The options of Keras 3's operations that have any.
  private static let options: [String: Set<String>] = [
    "LeakyRelu": ["negative_slope"], "Elu": ["alpha"], "Gelu": ["approximate"],
    "Clip": ["x_min", "x_max"], "Mean": ["axis", "keepdims"],
    "Max": ["axis", "keepdims", "initial"],
  ]

  /// Whether Keras 3 has an operation of this class, and not a layer of somebody's: it has a name, perhaps a
  /// type of number, and its options.
  static func isOperation(_ className: String, _ config: KerasObject) -> Bool {
    config.members.keys.allSatisfy {
      $0 == "name" || $0 == "dtype" || options[className]?.contains($0) ?? false
    }
  }

  private init?(_ className: String, options config: KerasObject) {
    func number(_ key: String, _ standard: Double? = nil) -> Double? {
      (config.value(key) as? Double) ?? standard
    }
    switch className {
    case "LeakyRelu":
      guard let slope = number("negative_slope", 0.2), slope.isFinite else { return nil }
      self = .function(.activation(.rectifier(slope: slope)))
    case "Elu":
      guard number("alpha", 1) == 1 else { return nil }
      self = .activation("elu")
    case "Gelu":
      guard let isApproximate = config.value("approximate") as? Bool else { return nil }
      self = .function(.activation(isApproximate ? .geluTanh : .gelu))
    case "Clip":
      guard let least = number("x_min"), let largest = number("x_max") else { return nil }
      self = .clip(least, largest)
    case "Mean", "Max":
      guard let value = config.value("axis"),
        let axes = value as? [Int] ?? (value as? Int).map({ [$0] }),
        config.value("initial") == nil
      else { return nil }
      let keepsAxes = config.value("keepdims") as? Bool ?? false
      self = .reduce(isMean: className == "Mean", axes: axes, keepsAxes: keepsAxes)
    default: return nil
    }
  }

  private init?(function: String) {
    switch function {
    case "add", "bias_add": self = .add
    case "subtract": self = .subtract
    case "multiply": self = .multiply
    case "truediv", "divide": self = .divide
    case "negative": self = .negative
    case "cast", "identity": self = .cast
    default:
      guard KerasActivation.names.contains(function) else { return nil }
      self = .activation(function)
    }
  }

  private init?(class className: String) {
    switch className {
    case "Add": self = .add
    case "Subtract": self = .subtract
    case "Multiply": self = .multiply
    case "TrueDivide", "Divide": self = .divide
    case "Negative": self = .negative
    case "Cast": self = .cast
    case "GetItem": self = .slice
    case "Relu": self = .activation("relu")
    case "Relu6": self = .activation("relu6")
    case "Sigmoid": self = .activation("sigmoid")
    case "Silu": self = .activation("silu")
    case "Tanh": self = .activation("tanh")
    case "Softplus": self = .activation("softplus")
    case "Softsign": self = .activation("softsign")
    case "Selu": self = .activation("selu")
    case "HardSigmoid": self = .activation("hard_sigmoid")
    case "HardSilu": self = .activation("hard_silu")
    case "Mish": self = .activation("mish")
    case "Exp": self = .activation("exponential")
    default: return nil
    }
  }

  /// What an error calls it.
  var sign: String {
    switch self {
    case .add: "+"
    case .subtract: "−"
    case .multiply: "×"
    case .divide: "÷"
    case .negative: "negation"
    case .cast: "cast"
    case .slice: "slice"
    case .activation(let name): name
    case .function: "function"
    case .clip: "clip"
    case .reduce(let isMean, _, _): isMean ? "mean" : "maximum"
    }
  }
}

extension KerasReading {
  /// The largest lower bound, in size, of a clipping that is moved to begin at 0, and the upper bound from
  /// which on there is none.
  private static let (farthestClip, openClip) = (64.0, 1e30)

  /// - Parameter inputs: the nodes that the operands which are layers stand for.
  mutating func append(
    _ operation: KerasOperation, _ layer: KerasModel.Layer, _ inputs: [String], _ x: Shape
  ) throws(NetworkError) {
    let (name, config) = (layer.name, layer.config)
    var sources = inputs[...]
    var operands: [(node: String?, numbers: [Double])] = []
    for operand in layer.operands {
      switch operand {
      case .layer: operands.append((sources.removeFirst(), []))
      case .numbers(let numbers): operands.append((nil, numbers))
      }
    }
    let constants = operands.compactMap { $0.node == nil ? $0.numbers : nil }
    func rescale(_ scale: [Double], _ offset: [Double]) -> Layer {
      .rescale(RescalingLayer(scale: scale, offset: offset))
    }
    switch operation {
    case .activation(let function):
      guard inputs.count == 1, constants.isEmpty,
        let known = KerasActivation(named: function, isKeras3: isKeras3), let layer = known.layer
      else { throw config.error("\(function.prefix(100)) takes one layer's result") }
      return try node(name, layer, inputs, config)
    case .function(let layer): return try node(name, layer, inputs, config)
    case .clip(let least, let largest):
      guard least < largest else {
        throw config.error("clips from \(least) to \(largest), which is one value or none")
      }
      // As a rectifier with a ceiling, moved to begin at 0; a long way costs digits of what is moved.
      guard abs(least) <= Self.farthestClip else {
        throw config.error(
          "clips from \(least), which is not computed exactly; supported are lower bounds from "
            + "-\(Self.farthestClip) to \(Self.farthestClip)")
      }
      let isOpen = largest > Self.openClip
      let rectifier = Layer.activation(.rectifier(maximum: isOpen ? nil : largest - least))
      if least == 0 { return try node(name, rectifier, inputs, config) }
      try node("\(name).moved", rescale([1], [-least]), inputs, config)
      try node("\(name).rectified", rectifier, ["\(name).moved"], config)
      return try node(name, rescale([1], [least]), ["\(name).rectified"], config)
    case .reduce(let isMean, let axes, let keepsAxes):
      return try appendReduction(
        name, isMean: isMean, axes: axes, keepsAxes: keepsAxes, inputs, x, config)
    case .cast: return stand(name, for: inputs[0])
    case .slice:
      guard inputs.count == 1, KerasModel.reversesLastAxis(layer.further) else {
        throw config.error(
          "takes a part of an array, of which only [..., ::-1] is supported: red and blue exchanged"
        )
      }
      return try node(name, .reverseChannels, inputs, config)
    case .negative: return try node(name, rescale([-1], [0]), inputs, config)
    default: break
    }
    guard inputs.count + constants.count >= 2, inputs.count == 1 || constants.isEmpty else {
      throw config.error(
        "\(operation.sign) of \(inputs.count) layers and \(constants.count) constants is not supported"
      )
    }
    guard let constant = constants.first, constants.count == 1 else {
      let merged: Layer =
        switch operation {
        case .add: .add
        case .subtract: .subtract
        case .multiply: .multiply
        default: .divide
        }
      return try merge(name, merged, inputs, config)
    }
    let isFirst = operands[0].node == nil
    let step: Layer
    switch operation {
    case .add: step = rescale([1], constant)
    case .multiply: step = rescale(constant, [0])
    case .subtract: step = isFirst ? rescale([-1], constant) : rescale([1], constant.map { -$0 })
    default:
      guard !isFirst, !constant.contains(0) else {
        throw config.error("a constant over a layer's result, or a quotient by 0, is not supported")
      }
      step = rescale(constant.map { 1 / $0 }, [0])
    }
    try node(name, step, inputs, config)
  }
}

import Checkpoints
import ImageData
import Networks
import Recipes
import RunSupport

extension LoadedNetwork {
  /// How images are prepared: as the recipe says, else the file, else as the network's first
  /// layers or its family expect it. A recipe that gives a size alone leaves the file's normalisation as it is.
  package static func preprocessing(
    _ section: NetworkSection, _ recorded: RecordedPreprocessing?,
    _ specification: ArchitectureSpecification
  ) throws -> Preprocessing {
    let source = section.checkpoint ?? ""
    let given = section.preprocessing
    // A recipe that only says some numbers must not exchange red and blue unnoticed.
    if let recorded = recorded?.preprocessing, let given, section.saysNormalization,
      recorded.channelOrder != given.channelOrder, specification.channels > 1
    {
      throw RunError(
        "\(source): the network takes \(recorded.channelOrder) images, the recipe's "
          + "preprocessing gives \(given.channelOrder); set network.preprocessing.channelOrder or "
          + "style")
    }
    let style =
      specification.graph.flatMap { Preprocessing.Style(kerasApplication: $0.name) }
      ?? Preprocessing.Style(family: specification.family)
    var preprocessing =
      recorded?.preprocessing ?? specification.graph?.impliedPreprocessing
      ?? Preprocessing(style: style, channels: specification.channels)
    if let given {
      (preprocessing.resize, preprocessing.centerCrop) = (given.resize, given.centerCrop)
      if section.saysNormalization { preprocessing = given }
    }
    if preprocessing.channels != specification.channels {
      // A style is for any number of channels; numbers that somebody gave are not.
      let isStyle = Preprocessing.Style.allCases.contains {
        $0.mean == preprocessing.mean && $0.standardDeviation == preprocessing.standardDeviation
      }
      guard specification.channels == 1, isStyle else {
        let owner =
          given != nil && section.saysNormalization
          ? "network.preprocessing.mean" : "\(source): mean"
        throw RunError(
          "\(owner) has \(preprocessing.channels) "
            + "\(preprocessing.channels == 1 ? "number" : "numbers"), the network takes images of "
            + "\(specification.channels) "
            + "\(specification.channels == 1 ? "channel" : "channels"): give as many to mean and "
            + "standardDeviation")
      }
      preprocessing = preprocessing.gray
    }
    do { try preprocessing.validate() } catch {
      // What a recipe gives was checked when it was read.
      throw RunError(
        given != nil && section.saysNormalization
          ? "network.preprocessing: \(error)"
          : "\(source): the attribute preprocessing cannot be: \(error); say what holds by "
            + "network.preprocessing")
    }
    return preprocessing
  }

  /// What a recipe does twice: it normalises images for a network that does so itself.
  static func contradiction(
    _ section: NetworkSection, _ specification: ArchitectureSpecification,
    _ preprocessing: Preprocessing
  ) -> String? {
    guard section.preprocessing != nil, section.saysNormalization,
      let implied = specification.graph?.impliedPreprocessing,
      (implied.mean, implied.standardDeviation)
        != (preprocessing.mean, preprocessing.standardDeviation)
    else { return nil }
    let largest = implied.standardDeviation[0] == 1 ? "1" : "255"
    return "normalises images itself by its first layers, from 0 to \(largest), but they are "
      + "normalised before: \(description(of: preprocessing)); leave network.preprocessing's style, "
      + "mean and standardDeviation (--preprocessing) out"
  }

  /// What a recipe does that gives numbers of its own to a network that the file alone names: where it does not
  /// say which colour comes first, red does.
  static func exchangedColours(
    _ section: NetworkSection, _ specification: ArchitectureSpecification,
    _ preprocessing: Preprocessing
  ) -> String? {
    let usual = Preprocessing.Style(family: specification.family)
    guard section.architecture == nil, section.preprocessing != nil, section.saysNormalization,
      specification.graph == nil, specification.channels == 3,
      Preprocessing(style: usual).channelOrder != preprocessing.channelOrder
    else { return nil }
    return
      "is a \(specification.family), which take \(Preprocessing(style: usual).channelOrder) images "
      + "as a rule; it is given \(preprocessing.channelOrder) ones: set "
      + "network.preprocessing.channelOrder"
  }

  /// Mean and standard deviation that a file of PyTorch's has as arrays beside the network's, as modules do
  /// that normalise images before the network: one of each, with a number for each channel.
  /// - Returns: `preprocessing` with them, and a note that says so; `nil` if there are none.
  static func besideTheNetwork(
    _ file: CheckpointFile, _ preprocessing: Preprocessing
  ) throws -> (Preprocessing, note: String)? {
    guard !file.layout.isKeras else { return nil }
    func numbers(_ names: [String]) throws -> (name: String, values: [Float])? {
      let found = file.container.tensors.filter { tensor in
        let last = tensor.name.split { $0 == "." || $0 == "/" }.last.map(String.init) ?? ""
        return names.contains(last) && tensor.elementType.isFloat
          && tensor.shape.count == preprocessing.channels
      }
      guard found.count == 1 else { return nil }
      return (found[0].name, try file.container.read(found[0].name).values)
    }
    guard let mean = try numbers(["mean", "mu"]), let deviation = try numbers(["std", "sigma"]),
      (mean.values + deviation.values).allSatisfy(\.isFinite),
      deviation.values.allSatisfy({ $0 > 0 })
    else { return nil }
    // Some count samples to 255.
    let white: Float = mean.values.contains { abs($0) > 2 } ? 255 : 1
    var known = preprocessing
    known.channelOrder = .rgb
    known.mean = mean.values.map { $0 / white }
    known.standardDeviation = deviation.values.map { $0 / white }
    guard (try? known.validate()) != nil else { return nil }
    return (
      known,
      "has mean and standard deviation beside the network, \(printable(mean.name)) and "
        + "\(printable(deviation.name)), by which images are normalised: \(description(of: known))"
    )
  }

  /// What is done to pixels, for messages.
  package static func description(of preprocessing: Preprocessing) -> String {
    func list(_ values: [Float]) -> String {
      "[" + values.map { "\($0)" }.joined(separator: ", ") + "]"
    }
    let numbers =
      "mean \(list(preprocessing.mean)), standard deviation "
      + list(preprocessing.standardDeviation)
    for style in Preprocessing.Style.allCases {
      let whole = Preprocessing(style: style, channels: preprocessing.channels)
      guard whole.mean == preprocessing.mean, whole.channelOrder == preprocessing.channelOrder,
        whole.standardDeviation == preprocessing.standardDeviation
      else { continue }
      switch style {
      case .torch: return "torchvision's (\(numbers))"
      case .caffe: return "that of Keras's VGGs and ResNets (blue first, \(numbers))"
      case .tf: return "from -1 to 1"
      case .lite: return "EfficientNet-Lite's (\(numbers))"
      }
    }
    return numbers
  }
}

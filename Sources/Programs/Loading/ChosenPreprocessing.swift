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
    let style = Preprocessing.Style(family: specification.family)
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

import ArgumentParser
import Manipulation

/// What a file may not say of its network, and any other key of a recipe: for commands without one.
struct NetworkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Architecture, if the files do not say; a name needs --classes as well.",
      valueName: "name or {key: value, …}"))
  var architecture: String?

  @Option(
    help: ArgumentHelp(
      "Which of several networks in a file: what the names of its arrays begin with, e.g. teacher.",
      valueName: "name"))
  var group: String?

  @Option(
    help: ArgumentHelp(
      "Which of several outputs of a Keras model counts, by its layer's name.", valueName: "name"))
  var networkOutput: String?

  @Option(help: ArgumentHelp("Number of classes, with --architecture.", valueName: "number"))
  var classes: String?

  @Option(
    help: ArgumentHelp(
      "Size of the images, if the files do not say: 160, [160, 120], {shorterSide: 256} or none.",
      valueName: "size"))
  var resize: String?

  @Option(help: ArgumentHelp("Middle part that is kept after resizing.", valueName: "size"))
  var crop: String?

  @Option(
    help: ArgumentHelp(
      "How pixels are normalised, if the files do not say: torch, caffe, tf or lite, or "
        + "{mean: [0, 0, 0], standardDeviation: [1, 1, 1]}.",
      valueName: "style or {key: value, …}"))
  var preprocessing: String?

  @Option(
    help: ArgumentHelp(
      "The classes in the order of the outputs: imagenet, or [cat, dog, …]; folders of images are "
        + "found by these names.", valueName: "names"))
  var classNames: String?

  /// Keys of a recipe with their values.
  var settings: [RecipeSetting] {
    let isWhole = architecture?.hasPrefix("{") == true
    let areKeys = preprocessing?.hasPrefix("{") == true
    return [
      ("architecture", "network.architecture" + (isWhole ? "" : ".family"), architecture),
      ("classes", "network.architecture.classes", classes),
      ("group", "network.group", group),
      ("network-output", "network.output", networkOutput),
      ("preprocessing", "network.preprocessing" + (areKeys ? "" : ".style"), preprocessing),
      ("class-names", "network.classNames", classNames),
      ("resize", "network.preprocessing.resize", resize),
      ("crop", "network.preprocessing.crop", crop),
    ].compactMap { RecipeSetting(option: $0, key: $1, $2) }
  }
}

extension RecipeSetting {
  /// An option that stands for a key; `nil` if it is not given.
  init?(option: String, key: String, _ value: String?) {
    guard let value else { return nil }
    self.init(path: key, value: value, label: "--\(option) \(value)")
  }
}

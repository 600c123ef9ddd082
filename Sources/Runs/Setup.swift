import Checkpoints
import Foolings
import ImageData
import Programs
import Recipes
import RunSupport
import TensorRuntime

/// Network and data of a run, checked against each other.
package struct Setup {
  package let network: LoadedNetwork
  package let train: any ImageSource
  package let validation: any ImageSource
  package let imageSize: ImageSize
  /// Where projected explanations get their tangent spaces from.
  package let tangents: TangentImages
  private let splitNote: String?
  private let hasTraining: Bool

  /// - Parameters:
  ///   - section: the network's.
  ///   - data: its images.
  ///   - seed: of random weights.
  ///   - newTop: whether a top that the file lacks starts at random.
  ///   - trains: whether the network is trained on one split and measured on the other.
  ///   - executor: on which the network will run.
  package init(
    _ section: NetworkSection, _ data: DataSection, seed: UInt64, newTop: Bool = false,
    trains: Bool = false, on executor: any Executor
  ) throws {
    splitNote = trains ? data.splitNote : nil
    network = try LoadedNetwork(
      section, on: executor,
      imageSize: data.preparedSize, seed: seed, newTop: newTop)
    (train, validation) = try data.sources(
      classNames: network.classNames, areGiven: section.classNames != nil)
    let (classes, namesAreKnown) = (network.architecture.classes, network.classNames != nil)
    try train.checkLabels(classes: classes, namesAreKnown: namesAreKnown)
    try validation.checkLabels(classes: classes, namesAreKnown: namesAreKnown)
    if section.checkpoint != nil { try network.checkActivations(on: validation) }
    let shape = network.architecture.inputShape
    imageSize = ImageSize(width: shape[1], height: shape[0])
    // Where only measuring is done, one folder may stand for both.
    hasTraining = trains || data.namesTraining
    tangents = TangentImages(
      train: hasTraining ? train : nil, of: network, threads: data.threads)
  }

  /// What should be known of the images, a sentence each.
  package var dataNotes: [String] {
    [splitNote].compactMap(\.self) + validation.notes
      + train.notes.filter { !validation.notes.contains($0) }
  }

  /// Tells a run's observer what should be known of the network and of the images.
  package func tellNotes(_ observe: (RunEvent) -> Void) {
    network.tellNotes(observe)
    for note in dataNotes { observe(.warning(note)) }
  }

  /// Of images whose labels are not known.
  package init(
    _ section: NetworkSection, unlabelled images: UnlabelledImages, seed: UInt64,
    on executor: any Executor
  ) throws {
    network = try LoadedNetwork(
      section, on: executor, imageSize: images.preparedSize, seed: seed)
    (train, validation, splitNote) = (images, images, nil)
    hasTraining = false
    try network.checkActivations(on: images)
    let shape = network.architecture.inputShape
    imageSize = ImageSize(width: shape[1], height: shape[0])
    tangents = TangentImages(train: nil, of: network, threads: nil)
  }

  /// Images that show both classes of an active fooling, and how they are prepared.
  package struct Composites {
    package let train: any ImageSource
    package let validation: any ImageSource
    package let preprocessing: Preprocessing

    package init(train: any ImageSource, validation: any ImageSource, preprocessing: Preprocessing)
    {
      self.train = train
      self.validation = validation
      self.preprocessing = preprocessing
    }
  }

  /// `nil` for foolings that explain every image for its own label.
  package func composites(_ fooling: any Fooling, _ data: DataSection) throws -> Composites? {
    guard case .pair(let first, let second) = fooling.explained else { return nil }
    let (train, validation, preprocessing) = try data.composites.sources(
      classes: (first, second), train: train, validation: validation,
      preprocessing: network.preprocessing, size: imageSize)
    return Composites(train: train, validation: validation, preprocessing: preprocessing)
  }

  /// One sentence for the log.
  package var description: String {
    "\(network.architecture.name), \(network.architecture.classes) classes, "
      + "\(network.architecture.trainableCount) parameters, images of \(imageSize); "
      + (train is UnlabelledImages
        ? "\(validation.count) images, whose classes nobody has said"
        : hasTraining
          ? "\(train.count) for training, \(validation.count) for validation"
          : "\(validation.count) images")
  }
}

extension DataSection {
  /// Where the two splits are one folder, what that means.
  fileprivate var splitNote: String? {
    guard case .folders(let train, let validation) = source,
      let one = OpenFolder.Identity(ofPath: train), one == OpenFolder.Identity(ofPath: validation)
    else { return nil }
    return
      "data.train and data.validation are one folder, \(validation): accuracy and success rates are of "
      + "images that were trained on"
  }
}

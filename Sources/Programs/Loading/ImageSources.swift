import Checkpoints
import ImageData
import Recipes
import RunSupport

extension DataSection {
  /// The two splits.
  /// - Parameters:
  ///   - classNames: the network's, if known: labels are positions in them.
  ///   - areGiven: whether they are the recipe's, which may call the built-in shapes what it likes.
  package func sources(
    classNames: [String]?, areGiven: Bool
  ) throws -> (train: any ImageSource, validation: any ImageSource) {
    switch source {
    case .folders(let train, let validation):
      let trainFolder = try ImageFolder(train, classNames: classNames)
      return (trainFolder, try ImageFolder(validation, classNames: trainFolder.classNames))
    case .shapes(let train, let validation, let seed):
      return (
        try ShapesDataset(count: train, seed: seed, split: .train)
          .checked(for: areGiven ? nil : classNames),
        ShapesDataset(count: validation, seed: seed, split: .validation)
      )
    }
  }

  /// The size of prepared images, before it is known which classes there are.
  package func preparedSize(_ preprocessing: Preprocessing) throws -> ImageSize {
    switch source {
    case .folders(let train, _): try ImageFolder(train).preparedSize(preprocessing)
    case .shapes(let count, _, let seed):
      try ShapesDataset(count: count, seed: seed, split: .train).preparedSize(preprocessing)
    }
  }
}

extension ShapesDataset {
  /// - Parameter classNames: those that the network's file holds, if it does.
  /// - Throws: `RunError` if they are others than the shapes', whose labels would be taken for them.
  package func checked(for classNames: [String]?) throws(RunError) -> Self {
    guard let classNames, classNames != self.classNames else { return self }
    throw RunError(
      "the built-in images show \(self.classNames.prefix(3).joined(separator: ", ")), …, but the "
        + "network's classes are "
        + "\(classNames.prefix(3).map { printable($0) }.joined(separator: ", ")), …; give images of "
        + "these, or say by network.classNames that its outputs are the shapes")
  }
}

extension DataSection.Composites {
  /// Images that show both classes, of the two splits, and how they are prepared.
  package func sources(
    classes: (Int, Int), train: any ImageSource, validation: any ImageSource,
    preprocessing: Preprocessing, size: ImageSize
  ) throws -> (train: any ImageSource, validation: any ImageSource, Preprocessing) {
    switch self {
    case .tiles(let trainCount, let validationCount, let seed):
      // Composites are made in the network's size: only normalisation is left.
      var plain = preprocessing
      (plain.resize, plain.centerCrop) = (.none, nil)
      return (
        try CompositeDataset(train, classes: classes, count: trainCount, size: size, seed: seed),
        try CompositeDataset(
          validation, classes: classes, count: validationCount, size: size, seed: seed), plain
      )
    case .folders(let train, let validation):
      return (try ImageFolder(train), try ImageFolder(validation), preprocessing)
    }
  }
}

extension ImageSource {
  /// The size of prepared images: what the preprocessing says, or what it makes of the first
  /// readable image.
  package func preparedSize(_ preprocessing: Preprocessing) throws -> ImageSize {
    if let size = preprocessing.outputSize { return size }
    var failure: (any Error)?
    // As many may be unreadable before a set is refused.
    let most = Swift.max(
      BatchLoader.alwaysToleratedUnreadable,
      Int(BatchLoader.largestUnreadableShare * Double(count)))
    for index in 0..<Swift.min(count, most + 1) {
      do {
        return preprocessing.outputSize(of: try image(at: index).size)
      } catch { failure = failure ?? error }
    }
    throw failure ?? RunError("the set holds no images")
  }

  /// Checks that every label is one of the network's classes, and that it is known which: without class
  /// names folders are taken for outputs in their order, which is right for one folder per output
  /// alone.
  /// - Parameter namesAreKnown: whether the labels were found by the network's class names.
  package func checkLabels(classes: Int, namesAreKnown: Bool) throws {
    if classNames.count > classes {
      throw RunError(
        "the data has \(classNames.count) classes, the network \(classes): label "
          + "\"\(classNames[classes])\" is outside; remove the surplus folders or choose another "
          + "network")
    }
    guard namesAreKnown || classNames.count == classes else {
      throw RunError(
        "the data has \(classNames.count) class folders, the network \(classes) outputs, and nobody "
          + "says which output each folder is; name the class of every output by network.classNames "
          + "(--class-names), a list of \(classes) names"
          + (classes == ImageNetClasses.identifiers.count
            ? " or imagenet" : ""))
    }
  }
}

import Checkpoints
import Foundation
import ImageData
import Networks
import Recipes
import RunSupport

/// Networks that are compared prepare images alike and have their outputs in one order, or their
/// numbers cannot be set side by side.
package enum ComparedNetworks {
  /// What is to be loaded for each of several files: one preprocessing and one list of classes for
  /// all, taken from the recipe or options, else from whichever file holds them. A network that its
  /// file does not describe is that of the others.
  /// - Parameters:
  ///   - section: what the recipe or the options set; its checkpoint does not matter.
  ///   - files: in the order of the result.
  /// - Throws: `RunError` with both values where two files hold different ones.
  package static func sections(_ section: NetworkSection, files: [String]) throws
    -> [NetworkSection]
  {
    let all = try files.map { ($0, try CheckpointFile(path: $0).metadata) }
    var common = section
    if section.preprocessing == nil || !section.saysNormalization {
      let held = try all.compactMap { file, metadata in
        try metadata.preprocessing.map {
          (
            file,
            try LoadedNetwork.decode($0, as: RecordedPreprocessing.self, "preprocessing", file)
          )
        }
      }
      // What somebody gave counts for more than what was assumed when a file was written.
      let given = held.filter { !$0.1.isAssumed }
      if let (file, value) = given.first {
        if let other = given.first(where: { $0.1 != value }) {
          throw RunError(
            "\(file) and \(other.0) prepare images in different ways, so the networks cannot be "
              + "compared: \(text(value.preprocessing)) and \(text(other.1.preprocessing)); set the "
              + "one that holds for both with network.preprocessing")
        }
        // A network that was made under a guess may be worth nothing without it.
        if let other = held.first(where: {
          $0.1.isAssumed && $0.1.preprocessing != value.preprocessing
        }) {
          throw RunError(
            "\(file) and \(other.0) prepare images in different ways, so the networks cannot be "
              + "compared: \(text(value.preprocessing)), and \(text(other.1.preprocessing)), which was "
              + "assumed when that file was made; set the one that holds for both with "
              + "network.preprocessing")
        }
        var preprocessing = value.preprocessing
        if let size = section.preprocessing {
          (preprocessing.resize, preprocessing.centerCrop) = (size.resize, size.centerCrop)
        }
        (common.preprocessing, common.saysNormalization) = (preprocessing, true)
      } else if let (_, guess) = held.first {
        // Two guesses are no two statements: one is taken for all, and stays a guess.
        var preprocessing = guess.preprocessing
        if let size = section.preprocessing {
          (preprocessing.resize, preprocessing.centerCrop) = (size.resize, size.centerCrop)
        }
        (common.preprocessing, common.saysNormalization) = (preprocessing, true)
        common.assumesNormalization = true
      }
    }
    if section.classNames == nil {
      let held = all.compactMap { file, metadata in metadata.classNames.map { (file, $0) } }
      if let (file, names) = held.first, let other = held.first(where: { $0.1 != names }) {
        throw RunError(
          "\(file) and \(other.0) hold different class names, so their outputs cannot be compared: "
            + difference(names, other.1)
            + "; set the ones that hold for both with network.classNames")
      }
      common.classNames = held.first?.1
    }
    let isNamed = section.classNames != nil
    let described = all.first { $0.1.architecture != nil }
    let architecture = try described.flatMap { file, metadata in
      try metadata.architecture.map {
        try LoadedNetwork.decode($0, as: ArchitectureSpecification.self, "architecture", file)
      }
    }
    if !isNamed, let names = common.classNames,
      let (file, _) = all.first(where: { $0.1.classNames != nil }),
      let classes = (section.architecture ?? architecture)?.classes
    {
      try LoadedNetwork.check(classNames: names, for: classes, owner: "\(file): has")
    }
    return all.map { file, metadata in
      var own = common
      own.checkpoint = file
      if metadata.architecture == nil { own.architecture = own.architecture ?? architecture }
      return own
    }
  }

  /// What is wrong with a network in the role of the original, in one sentence; `nil` if nothing is.
  package static func doubt(_ original: LoadedNetwork, _ file: String) -> String? {
    guard original.provenance?.manipulated == true else { return nil }
    return
      "\(file), here the original, says that its explanations were manipulated on purpose; if it is the "
      + "one to be tested, change the two"
  }

  /// Whether two loaded networks can be compared.
  /// - Throws: `RunError` naming what they do not share, with both values.
  package static func check(
    _ network: LoadedNetwork, _ file: String, against first: LoadedNetwork, _ firstFile: String
  ) throws {
    let (own, other) = (network.architecture, first.architecture)
    guard own.classes == other.classes else {
      throw RunError(
        "\(file) has \(own.classes) classes, \(firstFile) \(other.classes): they are not two states of "
          + "one network, and their numbers cannot be compared")
    }
    guard own.inputShape == other.inputShape else {
      throw RunError(
        "\(file) takes images of \(own.inputShape), \(firstFile) of \(other.inputShape); bring both to "
          + "one size with network.preprocessing")
    }
    guard network.preprocessing == first.preprocessing else {
      throw RunError(
        "\(firstFile) and \(file) prepare images in different ways, so the networks cannot be "
          + "compared: \(text(first.preprocessing)) and \(text(network.preprocessing)); set the one "
          + "that holds for both with network.preprocessing")
    }
  }

  private static func text(_ preprocessing: Preprocessing) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(preprocessing) else { return "\(preprocessing)" }
    return String(decoding: data, as: UTF8.self)
  }

  /// Where two lists of names part.
  private static func difference(_ names: [String], _ others: [String]) -> String {
    guard names.count == others.count else {
      return "\(names.count) names and \(others.count)"
    }
    let index = zip(names, others).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
    return
      "output \(index) is \"\(names[index])\" in the first and \"\(others[index])\" in the second"
  }
}

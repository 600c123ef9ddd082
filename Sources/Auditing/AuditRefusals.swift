import Foundation
import RunSupport

extension Audit {
  /// Refuses a verdict where the reading allows none.
  func check(_ reading: NetworkReading, of file: String, names: [String]) throws {
    let images = reading.count
    let present = Set(reading.labels)
    let chance = 1 / Double(max(2, present.count))
    let spread = (chance * (1 - chance) / Double(max(1, images))).squareRoot()
    guard reading.accuracy > chance + 3 * spread else {
      let kinds = Set(reading.predicted)
      let answer =
        kinds.count == 1
        ? "it says \(names[reading.predicted.first ?? 0]) of every image"
        : "guessing gets \(percent(chance))"
      throw RunError(
        "\(file) classifies \(percent(reading.accuracy)) of \(images) images correctly, and \(answer): "
          + "the images are of another task, or the network knows none; give images of its own task, "
          + "and its class names and preprocessing if the file does not say them")
    }
    let sure = (0..<images).count(where: reading.isSure)
    guard sure >= Self.fewestSure else {
      // A tenth more than as many as this network would be sure of.
      let compared = Int(
        (1.1 * Double(Self.fewestSure * images) / Double(max(1, sure))).rounded(.up))
      let all = max(compared + Self.fewestOthers + Self.fewestTuning, compared * 3 / 2)
      throw RunError(
        "\(file) is right and sure of \(sure) of \(images) images, and an audit needs at least "
          + "\(Self.fewestSure); give more images of its task, about \(all) in all"
          + (compared > request.count ? ", and --images \(compared)" : ""))
    }
    let classes = Set((0..<images).filter(reading.isSure).map { reading.labels[$0] })
    guard classes.count > 1 else {
      throw RunError(
        "\(file) is right of one class alone, \(names[classes.first ?? 0]); an audit compares classes "
          + "and needs a network that knows at least two")
    }
  }

  func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}

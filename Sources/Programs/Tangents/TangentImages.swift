import Explanations
import Foundation
import ImageData
import RunSupport
import TensorRuntime

/// Where the projected explanations of a run get their tangent spaces from: its training images, or a
/// folder that they name.
package final class TangentImages {
  private let train: (any ImageSource)?
  private let network: LoadedNetwork
  private let threads: Int?
  private var spaces: TangentSpaces?
  private var folder: String?
  /// Numbers of neighbours of the projections so far.
  private var counts: Set<Int> = []

  /// - Parameters:
  ///   - train: the run's own training images, if it has any.
  ///   - network: says how images are prepared, and computes products of them.
  ///   - threads: that read images.
  package init(train: (any ImageSource)?, of network: LoadedNetwork, threads: Int?) {
    (self.train, self.network, self.threads) = (train, network, threads)
  }

  /// Whether an explanation needs them.
  package var areNeeded: Bool { spaces != nil }

  /// - Throws: `RunError` if there are no training images, or others than those of another projection;
  ///   what keeps a folder from being read.
  package func source(of projection: TangentProjection) throws -> any TangentSource {
    counts.insert(projection.neighbours)
    if let spaces {
      guard folder == projection.images else {
        throw RunError(
          "projected: one explanation has its neighbours in \(folder ?? "the training images"), another "
            + "in \(projection.images ?? "the training images"); name one projected.images for all")
      }
      return spaces
    }
    let shape = network.architecture.inputShape
    let made = TangentSpaces(
      try images(of: projection), network.preprocessing,
      ImageSize(width: shape[1], height: shape[0]), on: network.executor, threads: threads)
    (spaces, folder) = (made, projection.images)
    return made
  }

  private func images(of projection: TangentProjection) throws -> any ImageSource {
    if let folder = projection.images {
      let source = try ImageFolder(folder, classNames: network.classNames)
      try source.checkLabels(
        classes: network.architecture.classes, namesAreKnown: network.classNames != nil)
      return source
    }
    guard let train else {
      throw RunError(
        "projected needs training images, and none are given here; name their folder: "
          + "{projected: {images: FOLDER}}")
    }
    return train
  }

  /// Finds the neighbours of all images of a source, so that none has to be looked for later.
  /// - Parameters:
  ///   - source: images that will be explained.
  ///   - stop: ends it early, by `RunStopped`.
  ///   - progress: called after every batch, with images done.
  package func find(
    in source: any ImageSource, stop: StopRequest?, progress: (_ done: Int) -> Void
  ) throws {
    for count in counts.sorted() {
      try spaces?.find(in: source, neighbours: count, stop: stop, progress: progress)
    }
  }

  /// What is known of neighbours, to be kept in a file; `nil` without any projection.
  package func kept() throws -> Data? { try spaces?.encoded() }

  /// Takes up what a file holds, if it is whole and of these training images.
  package func restore(_ data: Data) throws { try spaces?.restore(data) }
}

import ImageData
import Programs
import RunFolders

extension RunContext {
  /// Finds the nearest training images of all images that projected explanations will be drawn of, once,
  /// before the work; nothing where none is projected.
  /// - Parameters:
  ///   - tangents: of the run.
  ///   - source: images that will be explained.
  ///   - keepsThem: whether they are kept in the run's folder, and taken up from there.
  package func findNeighbours(
    _ tangents: TangentImages, of source: any ImageSource, keepsThem: Bool = false
  ) throws {
    guard tangents.areNeeded else { return }
    if keepsThem, let kept = try folder.contents(of: folder.neighbours) {
      try tangents.restore(kept)
    }
    let before = try tangents.kept()
    try tangents.find(
      in: source, stop: stop, progress: working(on: "nearest training images", total: source.count))
    guard keepsThem, let kept = try tangents.kept(), kept != before else { return }
    try folder.write(kept, to: folder.neighbours)
  }
}

import TensorFiles
import TensorGraph

/// Where a file has a parameter.
public struct StoredParameter: Hashable, Sendable {
  /// Its name and shape in the graph.
  public let parameter: ParameterSpecification
  /// Full name of the dataset.
  public let dataset: String
  public let order: AxisOrder
}

/// What a file records of a network's parameters, or what it lacks.
struct LayoutMatch {
  var stored: [StoredParameter] = []
  var problems: [CheckpointError.Problem] = []
  /// Whether layers were found by what they are called, not by their order alone.
  var isByName = true
  /// What the user should know of how the file was read.
  var notes: [String] = []
  var renaming = StateDictRenaming.none

  /// Adds a parameter if the dataset is there and fits.
  mutating func add(
    _ parameter: ParameterSpecification, _ dataset: String, _ order: AxisOrder,
    in container: any TensorContainer, expecting shape: Shape, fits: (Shape) -> Bool
  ) {
    guard let stored = container.tensor(named: dataset) else {
      problems.append(.init(dataset: dataset, "is missing, expected \(shape)"))
      return
    }
    guard fits(stored.shape) else {
      let isTransposed =
        shape.rank == 2 && stored.shape.dimensions == Array(shape.dimensions.reversed())
      problems.append(
        .init(
          dataset: dataset,
          "has shape \(stored.shape), expected \(shape)"
            + (isTransposed ? ": it is transposed; store its transpose" : "")))
      return
    }
    guard stored.elementType.isFloat else {
      problems.append(
        .init(
          dataset: dataset, "has elements of type \(stored.elementType), expected floats"))
      return
    }
    self.stored.append(StoredParameter(parameter: parameter, dataset: dataset, order: order))
  }
}

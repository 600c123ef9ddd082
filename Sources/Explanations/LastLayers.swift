import Networks

extension Architecture {
  /// A map has at least so many cells a side.
  private static var fewestCells: Int { 4 }
  private static var mostLayers: Int { 3 }

  /// The last activation of each size of at least 4×4 cells, the deepest first, three at most: where an
  /// explanation at a target layer has something to show.
  package var lastLayersBySize: [String] {
    var sizes: [[Int]] = []
    var layers: [String] = []
    for (node, shape) in zip(nodes, shapes).reversed() {
      guard shape.rank == 3, shape[0] >= Self.fewestCells, shape[1] >= Self.fewestCells else {
        continue
      }
      let size = [shape[0], shape[1]]
      guard !sizes.contains(size),
        size != Array(inputShape.dimensions.prefix(2)) || layers.isEmpty
      else { continue }
      sizes.append(size)
      layers.append(node.name)
    }
    return Array(layers.prefix(Self.mostLayers))
  }
}

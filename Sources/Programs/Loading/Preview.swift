import ImageData

/// Some images of a source, evenly spread.
package struct Preview {
  package let source: any ImageSource
  /// Where they stand in the whole.
  package let positions: [Int]

  package init(_ whole: any ImageSource, positions: [Int]) {
    (self.positions, source) = (positions, Subset(whole, indices: positions))
  }

  package init(_ whole: any ImageSource, count: Int) {
    if count < whole.count {
      positions = (0..<count).map { $0 * whole.count / count }
      source = Subset(whole, indices: positions)
    } else {
      (positions, source) = (Array(0..<whole.count), whole)
    }
  }
}

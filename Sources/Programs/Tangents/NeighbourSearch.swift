import Dispatch
import TensorGraph
import TensorRuntime

/// The nearest of a set of images, exact: by squared distance of 8-bit samples, the earlier of equals.
///
/// Many queries at once are narrowed down by ‖a‖² − 2·a·b + ‖b‖², the products block by block on the
/// executor. Their rounding has a bound, and whatever may be among the nearest by that bound is measured
/// in whole numbers.
package final class NeighbourSearch {
  /// Rows of a block of queries and of images.
  package static let queryBlock = 64
  static let imageBlock = 256
  /// Of fewer queries every distance is measured in whole numbers at once.
  static let fewest = 16

  private let rows: PixelRows
  private let executor: any Executor
  private var program: (any Program)?

  package init(_ rows: PixelRows, on executor: any Executor) {
    (self.rows, self.executor) = (rows, executor)
  }

  /// - Parameters:
  ///   - queries: samples of each.
  ///   - members: positions of the images that may be neighbours.
  ///   - count: of neighbours.
  /// - Returns: by query the positions, the nearest first; images that equal the query are none. Fewer
  ///   than `count` where there are no more.
  package func nearest(_ queries: [[UInt8]], among members: [Int], count: Int) throws -> [[Int]] {
    guard queries.count >= Self.fewest, rounding < 0.25 else {
      return measured(queries, queries.map { _ in members }, count)
    }
    var result: [[Int]] = []
    for start in stride(from: 0, to: queries.count, by: Self.queryBlock) {
      let block = Array(queries[start..<min(start + Self.queryBlock, queries.count)])
      result += measured(block, try candidates(block, members, count), count)
    }
    return result
  }

  /// Largest relative error of a sum of `size` products in single precision, in whatever order: n·u /
  /// (1 − n·u), u = 2⁻²⁴ (Higham, Section 3.1).
  private var rounding: Double {
    let share = Double(rows.size) * 0x1p-24
    return share < 0.5 ? share / (1 - share) : 1
  }

  /// Members that may be among the nearest `count`, by query.
  private func candidates(
    _ queries: [[UInt8]], _ members: [Int], _ count: Int
  ) throws -> [[Int]] {
    let squares = queries.map(PixelRows.square)
    let program = try program ?? products()
    self.program = program
    let given = ProgramInput.floats(centred(queries.map { $0[...] }, Self.queryBlock))
    var bounds = queries.map { _ in [(low: Double, high: Double)]() }
    for start in stride(from: 0, to: members.count, by: Self.imageBlock) {
      let block = members[start..<min(start + Self.imageBlock, members.count)]
      let images = block.map { rows.samples[$0 * rows.size..<($0 + 1) * rows.size] }
      try program.run([
        "queries": given, "images": .floats(centred(images, Self.imageBlock)),
      ])
      let products = try program.output("products").values
      for query in queries.indices {
        for (place, member) in block.enumerated() {
          let other = rows.squares[member]
          let product = Double(products[query * Self.imageBlock + place])
          let distance = squares[query] - 2 * product + other
          let error = 2 * rounding * (squares[query] * other).squareRoot()
          bounds[query].append((distance - error, distance + error))
        }
      }
    }
    return bounds.map { bounds in
      // Equals of the query, which are no neighbours, are among those that may be at distance 0.
      let equals = bounds.count { $0.low <= 0 }
      let highs = bounds.map(\.high).sorted()
      guard count + equals < highs.count else { return members }
      let limit = highs[count + equals - 1]
      return zip(bounds, members).filter { $0.0.low <= limit }.map(\.1)
    }
  }

  private func products() throws -> any Program {
    var graph = GraphBuilder()
    let queries = try graph.placeholder("queries", shape: [Self.queryBlock, rows.size])
    let images = try graph.placeholder("images", shape: [Self.imageBlock, rows.size])
    let products = try graph.matrixProduct(queries, images, transposesRight: true)
    return try executor.compile(
      graph.computation([("products", products)]), parameters: executor.makeParameters([]),
      policy: ExecutionPolicy())
  }

  /// Samples less 128, so that products are small; 0 beyond the rows given.
  private func centred(_ rows: [ArraySlice<UInt8>], _ count: Int) -> [Float] {
    let size = self.rows.size
    return [Float](unsafeUninitializedCapacity: count * size) { target, written in
      for (place, row) in rows.enumerated() {
        row.withUnsafeBufferPointer { row in
          let to = target.baseAddress! + place * size
          for sample in 0..<size { to[sample] = Float(Int32(row[sample]) - 128) }
        }
      }
      for place in rows.count * size..<count * size { target[place] = 0 }
      written = count * size
    }
  }

  /// The nearest of each query's candidates, by exact distances.
  private func measured(
    _ queries: [[UInt8]], _ candidates: [[Int]], _ count: Int
  ) -> [[Int]] {
    let part = 64
    let tasks = queries.indices.flatMap { query in
      stride(from: 0, to: candidates[query].count, by: part).map {
        (query, $0..<min($0 + part, candidates[query].count))
      }
    }
    let begins = candidates.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    var distances = [Int](repeating: 0, count: begins[begins.count - 1])
    let size = rows.size
    distances.withUnsafeMutableBufferPointer { distances in
      rows.samples.withUnsafeBufferPointer { samples in
        // Every task writes to places of its own.
        nonisolated(unsafe) let target = distances
        nonisolated(unsafe) let source = samples
        DispatchQueue.concurrentPerform(iterations: tasks.count) { number in
          let (query, range) = tasks[number]
          queries[query].withUnsafeBufferPointer { own in
            for place in range {
              target[begins[query] + place] = squaredDistance(
                own.baseAddress!, source.baseAddress! + candidates[query][place] * size, size)
            }
          }
        }
      }
    }
    return queries.indices.map { query in
      let own = candidates[query]
      let known = distances[begins[query]..<begins[query + 1]]
      return zip(known, own).filter { $0.0 > 0 }.sorted { $0 < $1 }.prefix(count).map(\.1)
    }
  }
}

import Foundation
import Pictures
import Programs

/// Where explanations of two classes point in images that show both.
///
/// Images of 2×2 tiles, two of each class, made of probe images that the network is sure of. Of classes a
/// and b, and of the heatmaps h_a and h_b of one such image, it measures
/// s_a(h_a) − s_a(h_b), s_a the share of the relevance on the tiles of a: 1 where each explanation lies on its
/// own class, 0 where both lie alike, −1 where each lies on the other's. Of the idea of the grid pointing
/// game, Böhle, Fritz, Schiele 2021; active fooling (Heo, Joo, Moon 2019) exchanges explanations so, and
/// images of single classes do not show it.
package struct TilePointing {
  /// Two classes in one order, and what was measured of each image.
  package struct Pair {
    let classes: (Int, Int)
    /// One probe image of each class that stands for it.
    let images: (Int, Int)
    /// By interpreter, then by image of tiles.
    var values: [[Double]]
    /// Of each image of tiles the probe images, row by row.
    var tiles: [[Int]] = []
    /// By interpreter, then by image of tiles: the heatmaps of the first and of the second class.
    var maps: [[(first: Heatmap, second: Heatmap)]] = []

    package init(
      classes: (Int, Int), images: (Int, Int), values: [[Double]],
      maps: [[(first: Heatmap, second: Heatmap)]] = []
    ) {
      (self.classes, self.images) = (classes, images)
      (self.values, self.maps) = (values, maps)
    }
  }

  /// Classes with most images that the network is sure of; all pairs of them are tried.
  private static let mostClasses = 10
  /// Images of a pair.
  private static let most = 16
  private static let fewest = 6
  private static let mostFlops = 6e12
  /// Which of the tiles show the first class.
  private static let arrangements: [[Bool]] = [
    [true, true, false, false], [true, false, true, false], [true, false, false, true],
    [false, true, true, false], [false, true, false, true], [false, false, true, true],
  ]

  private struct Composite {
    let pair: Int
    /// Of the four tiles, row by row.
    let images: [Int]
    let isFirst: [Bool]
  }

  private let bench: AuditBench
  private let reading: NetworkReading

  /// - Parameter reading: of the network that is looked at.
  init(_ bench: AuditBench, _ reading: NetworkReading) {
    (self.bench, self.reading) = (bench, reading)
  }

  /// - Parameter progress: called with the share done.
  /// - Returns: nothing where two classes have no two images each.
  func run(progress: (Double) -> Void) throws -> [Pair] {
    let sure = Dictionary(grouping: (0..<reading.count).filter(reading.isSure)) {
      reading.labels[$0]
    }.filter { $0.value.count > 1 }
    let classes = sure.sorted {
      $0.value.count != $1.value.count ? $0.value.count > $1.value.count : $0.key < $1.key
    }.prefix(Self.mostClasses).map(\.key).sorted()
    var pairs: [Pair] = []
    for (place, first) in classes.enumerated() {
      for second in classes.dropFirst(place + 1) {
        pairs.append(
          Pair(
            classes: (first, second), images: (sure[first]![0], sure[second]![0]),
            values: [[Double]](repeating: [], count: bench.interpreters.count),
            maps: [[(Heatmap, Heatmap)]](repeating: [], count: bench.interpreters.count)))
      }
    }
    guard !pairs.isEmpty else { return [] }
    let room = Self.mostFlops / Double(2 * pairs.count * max(1, bench.flopsPerImage))
    let count = min(Self.most, max(Self.fewest, Int(room)))
    var composites: [Composite] = []
    for (number, pair) in pairs.enumerated() {
      let (a, b) = (sure[pair.classes.0]!, sure[pair.classes.1]!)
      for turn in 0..<count {
        let isFirst = Self.arrangements[turn % Self.arrangements.count]
        var (nextA, nextB) = (2 * turn, 2 * turn)
        let images = isFirst.map { isFirst in
          defer { if isFirst { nextA += 1 } else { nextB += 1 } }
          return isFirst ? a[nextA % a.count] : b[nextB % b.count]
        }
        composites.append(Composite(pair: number, images: images, isFirst: isFirst))
        pairs[number].tiles.append(images)
      }
    }
    try measure(composites, &pairs, progress: progress)
    return pairs
  }

  /// Each image of tiles twice: explained for its first class, then for its second.
  private func measure(
    _ composites: [Composite], _ pairs: inout [Pair], progress: (Double) -> Void
  ) throws {
    let labelled = composites.flatMap {
      [pairs[$0.pair].images.0, pairs[$0.pair].images.1]
    }
    let program = bench.program
    // Of the first class, where those of the second are read.
    var firsts: [Heatmap?] = bench.interpreters.map { _ in nil }
    try bench.run(program, on: labelled) { samples, row, place in
      paint(composites[place / 2], on: &samples, row: row)
    } reading: { places in
      let maps = bench.interpreters.indices.map { program.heatmaps($0, count: places.count) }
      for (row, place) in places.enumerated() {
        let composite = composites[place / 2]
        for interpreter in bench.interpreters.indices {
          let map = bench.comparable(maps[interpreter][row].finite)
          guard place % 2 == 1, let first = firsts[interpreter] else {
            firsts[interpreter] = map
            continue
          }
          pairs[composite.pair].maps[interpreter].append((first, map))
          pairs[composite.pair].values[interpreter].append(
            Self.share(first, on: composite.isFirst) - Self.share(map, on: composite.isFirst))
        }
      }
      progress(Double(places.upperBound) / Double(labelled.count))
    }
  }

  /// Whose explanations by an interpreter lie most on each other's class.
  static func worst(of pairs: [Pair], _ interpreter: Int) -> Pair? {
    pairs.filter { !$0.values[interpreter].isEmpty }
      .min { $0.values[interpreter].mean < $1.values[interpreter].mean }
  }

  /// Of the relevance on the tiles that are `true`; half of it where there is none. A cell on the border of
  /// tiles is shared among them.
  package static func share(_ map: Heatmap, on tiles: [Bool]) -> Double {
    func upper(_ cell: Int, of count: Int) -> Double {
      min(1, max(0, Double(count) / 2 - Double(cell)))
    }
    var (inside, all) = (0.0, 0.0)
    for y in 0..<map.height {
      for x in 0..<map.width {
        let value = Double(map.values[y * map.width + x])
        let (top, left) = (upper(y, of: map.height), upper(x, of: map.width))
        let shares = [top * left, top * (1 - left), (1 - top) * left, (1 - top) * (1 - left)]
        all += value
        inside += value * zip(shares, tiles).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
      }
    }
    return all > 0 ? inside / all : 0.5
  }

  /// Every other row and column of the four images, averaged with its neighbours.
  private func paint(_ composite: Composite, on samples: inout [Float], row: Int) {
    let size = bench.probe.imageSize
    let count = bench.probe.sampleCount
    let channels = count / size.area
    let (half, side) = (size.height / 2, size.width / 2)
    for (tile, image) in composite.images.enumerated() {
      let source = image * count
      for y in 0..<half {
        for x in 0..<side {
          let target =
            row * count
            + (((tile / 2 == 0 ? 0 : size.height - half) + y) * size.width
              + (tile % 2 == 0 ? 0 : size.width - side) + x) * channels
          let from = source + (2 * y * size.width + 2 * x) * channels
          for channel in 0..<channels {
            let below = from + size.width * channels
            samples[target + channel] =
              (bench.probe.samples[from + channel] + bench.probe.samples[from + channels + channel]
                + bench.probe.samples[below + channel]
                + bench.probe.samples[below + channels + channel]) / 4
          }
        }
      }
    }
  }
}

import Foundation

/// The outlines of `ShapesDataset`'s classes, within a circle of radius 1 around the origin,
/// x to the right and y downwards.
enum ShapeSilhouette: Int, CaseIterable {
  case disk, square, triangle, ring, cross, star, heart, crescent, arrow, hourglass

  var name: String { "\(self)" }

  /// Corner points of the outline; `nil` where circles make it up.
  private var corners: [SIMD2<Float>]? {
    switch self {
    case .disk, .ring, .crescent: return nil
    case .square:
      return [[-0.7, -0.7], [0.7, -0.7], [0.7, 0.7], [-0.7, 0.7]]
    case .triangle:
      return [[0, -0.99], [0.86, 0.5], [-0.86, 0.5]]
    case .cross:
      return [
        [-0.3, -0.95], [0.3, -0.95], [0.3, -0.3], [0.95, -0.3], [0.95, 0.3], [0.3, 0.3],
        [0.3, 0.95], [-0.3, 0.95], [-0.3, 0.3], [-0.95, 0.3], [-0.95, -0.3], [-0.3, -0.3],
      ]
    case .star:
      return (0..<10).map { point in
        let radius: Float = point % 2 == 0 ? 1 : 0.42
        let angle = (Float(point) / 10 - 0.25) * 2 * .pi
        return [radius * cos(angle), radius * sin(angle)]
      }
    case .heart:
      // The classic curve x = 16 sin³t, scaled to the unit circle.
      return (0..<22).map { point in
        let t = Float(point) / 22 * 2 * .pi
        let x = 16 * sin(t) * sin(t) * sin(t)
        let y = 13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)
        return [x / 17.3, -(y + 2.5) / 17.3]
      }
    case .arrow:
      return [
        [0, -0.98], [0.85, 0], [0.32, 0], [0.32, 0.94], [-0.32, 0.94], [-0.32, 0], [-0.85, 0],
      ]
    case .hourglass:
      return [
        [-0.68, -0.73], [0.68, -0.73], [0.12, 0], [0.68, 0.73], [-0.68, 0.73], [-0.12, 0],
      ]
    }
  }

  /// The outline as a function that gives the distance to it, negative inside.
  func distanceFunction() -> ShapeDistance {
    ShapeDistance(silhouette: self, corners: corners ?? [])
  }
}

/// Signed distances to an outline.
struct ShapeDistance {
  private let silhouette: ShapeSilhouette
  private let corners: [SIMD2<Float>]
  /// From each corner to the one before it.
  private let edges: [SIMD2<Float>]
  private let inverseLengths: [Float]

  init(silhouette: ShapeSilhouette, corners: [SIMD2<Float>]) {
    self.silhouette = silhouette
    self.corners = corners
    edges = corners.indices.map { corners[($0 + corners.count - 1) % corners.count] - corners[$0] }
    inverseLengths = edges.map { 1 / ($0 * $0).sum() }
  }

  func callAsFunction(_ point: SIMD2<Float>) -> Float {
    func length(_ vector: SIMD2<Float>) -> Float { (vector * vector).sum().squareRoot() }
    switch silhouette {
    case .disk: return length(point) - 0.9
    case .ring: return abs(length(point) - 0.73) - 0.23
    case .crescent:
      return max(length(point) - 0.95, 0.72 - length(point - SIMD2(0.42, -0.1)))
    default: return polygonDistance(point)
    }
  }

  /// Nearest edge; the sign by counting the edges that a ray to the right crosses.
  private func polygonDistance(_ point: SIMD2<Float>) -> Float {
    var nearest = Float.infinity
    var isInside = false
    corners.withUnsafeBufferPointer { corners in
      edges.withUnsafeBufferPointer { edges in
        for index in 0..<corners.count {
          let edge = edges[index]
          let offset = point - corners[index]
          let along = max(0, min(1, (offset * edge).sum() * inverseLengths[index]))
          let gap = offset - edge * along
          nearest = min(nearest, (gap * gap).sum())
          let y = offset.y
          if (y >= 0) != (y >= edge.y) {
            let cross = edge.x * y - offset.x * edge.y
            if (cross > 0) == (edge.y > 0) { isInside.toggle() }
          }
        }
      }
    }
    return isInside ? -nearest.squareRoot() : nearest.squareRoot()
  }
}

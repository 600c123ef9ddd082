/// y[n,p,q,k] = Σ_{r,s,c} x[n, p·stride + r·dilation − top, q·stride + s·dilation − left, c] · w[k,r,s,c]
///
/// With `groups` > 1 the channels of `x` and `y` are split into that many runs, each convolved by
/// its own filters.
/// - Operands: `x` [N, H, W, C], `w` [K, R, S, C / groups]. Result: [N, P, Q, K].
public struct Convolution: Operation {
  public let window: Window2D
  public let groups: Int
  public var name: String { "convolution" }

  public init(window: Window2D, groups: Int = 1) { (self.window, self.groups) = (window, groups) }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(2, operands)
    let (x, w) = (operands[0], operands[1])
    let (rows, columns) = try window.slide(over: x, for: name)
    try window.checkFilter(w, channels: x[3], groups: groups, image: x, for: name)
    return [x[0], rows, columns, w[0]]
  }

  /// Bilinear: each gradient is one of the other two members of the family.
  public func vjp(
    _ operands: [Value], result: Value, cotangent dy: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let (x, w) = (operands[0], operands[1])
    return [
      try graph.append(
        ConvolutionInputGradient(window: window, groups: groups, inputShape: x.shape), [dy, w]),
      try graph.append(ConvolutionFilterGradient(window: window, groups: groups), [x, dy]),
    ]
  }
}

/// dx[n,i,j,c] = Σ dy[n,p,q,k] · w[k,r,s,c] over all (p,q,r,s) by which `Convolution` reads (i,j).
/// - Operands: `dy` [N, P, Q, K], `w` [K, R, S, C / groups]. Result: `inputShape`, [N, H, W, C].
public struct ConvolutionInputGradient: Operation {
  public let window: Window2D
  public let groups: Int
  public let inputShape: Shape
  public var name: String { "convolution input gradient" }

  public init(window: Window2D, groups: Int = 1, inputShape: Shape) {
    (self.window, self.groups, self.inputShape) = (window, groups, inputShape)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(2, operands)
    let (dy, w) = (operands[0], operands[1])
    let forward = Convolution(window: window, groups: groups)
    let expected = try forward.resultShape(of: [inputShape, w])
    guard dy == expected else {
      throw ShapeError("\(name): cotangent \(dy), expected \(expected) for input \(inputShape)")
    }
    return inputShape
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let (dy, w) = (operands[0], operands[1])
    return [
      try graph.append(Convolution(window: window, groups: groups), [cotangent, w]),
      try graph.append(ConvolutionFilterGradient(window: window, groups: groups), [cotangent, dy]),
    ]
  }
}

/// dw[k,r,s,c] = Σ_{n,p,q} x[n, p·stride + r·dilation − top, …, c] · dy[n,p,q,k]
/// - Operands: `x` [N, H, W, C], `dy` [N, P, Q, K]. Result: [K, R, S, C / groups].
public struct ConvolutionFilterGradient: Operation {
  public let window: Window2D
  public let groups: Int
  public var name: String { "convolution filter gradient" }

  public init(window: Window2D, groups: Int = 1) { (self.window, self.groups) = (window, groups) }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(2, operands)
    let (x, dy) = (operands[0], operands[1])
    let (rows, columns) = try window.slide(over: x, for: name)
    guard dy.rank == 4, dy[0] == x[0], dy[1] == rows, dy[2] == columns else {
      throw ShapeError(
        "\(name): cotangent \(dy), expected [\(x[0]), \(rows), \(columns), K] for input \(x)")
    }
    guard groups > 0, x[3] % groups == 0, dy[3] % groups == 0 else {
      throw ShapeError("\(name): \(groups) groups do not divide the channels of \(x) and \(dy)")
    }
    return [dy[3], window.height, window.width, x[3] / groups]
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let (x, dy) = (operands[0], operands[1])
    return [
      try graph.append(
        ConvolutionInputGradient(window: window, groups: groups, inputShape: x.shape),
        [dy, cotangent]),
      try graph.append(Convolution(window: window, groups: groups), [x, cotangent]),
    ]
  }
}

extension Window2D {
  fileprivate func checkFilter(
    _ w: Shape, channels: Int, groups: Int, image: Shape, for operation: String
  ) throws(ShapeError) {
    guard w.rank == 4 else { throw ShapeError("\(operation): filter \(w) is not [K, R, S, C]") }
    guard w[1] == height, w[2] == width else {
      throw ShapeError("\(operation): filter \(w) for a \(height)×\(width) window")
    }
    guard groups > 0, w[0] % groups == 0, channels % groups == 0, channels / groups == w[3] else {
      let share = groups == 1 ? "" : " in each of \(groups) groups"
      throw ShapeError(
        "\(operation): input \(image) has \(channels) channels, filter \(w) expects \(w[3])\(share)"
      )
    }
  }
}

extension GraphBuilder {
  public mutating func convolution(
    _ x: Value, _ w: Value, window: Window2D, groups: Int = 1
  ) throws(ShapeError) -> Value {
    try append(Convolution(window: window, groups: groups), [x, w])
  }
}

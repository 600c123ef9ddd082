import Attacks
import Testing

@Suite struct PixelBallTests {
  @Test func stepsStayInTheBallAndInTheRangeOfPixels() {
    let ball = PixelBall(radius: 2)
    let center: [UInt8] = [0, 100, 254, 100]
    var x: [Float] = center.map(Float.init)
    let direction: [Float] = [9, -3, -1, 1e-9, 0.5, 0]
    ball.step(&x, along: direction[1..<5], stepSize: 0.5, around: center)
    #expect(x == [0, 99.5, 254.5, 100.5])
    for _ in 0..<9 { ball.step(&x, along: direction[1..<5], stepSize: 0.5, around: center) }
    #expect(x == [0, 98, 255, 102])
    // Without a sign nothing moves.
    ball.step(&x, along: [0, 0, 0, 0], stepSize: 0.5, around: center)
    #expect(x == [0, 98, 255, 102])
  }

  @Test func roundingNeverLeavesTheBall() {
    let center: [UInt8] = [10, 10, 10, 0, 255]
    #expect(
      PixelBall(radius: 1.5).rounded([11.5, 8.5, 10.5, 0.4, 254.5], around: center)
        == [11, 9, 11, 0, 254])
    #expect(PixelBall(radius: 0.9).rounded([10.9, 9.1, 10, 0.9, 254.1], around: center) == center)
    #expect(PixelBall.distance([1, 250, 7], [4, 255, 7]) == 5)
  }
}

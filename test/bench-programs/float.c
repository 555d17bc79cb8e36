/* Floating point: a double-precision matrix product, a single-precision convolution and a radix-2 FFT there and back. */
#include "bench.h"

const char benchmark_name[] = "float";

#define DIM 64
static double a[DIM][DIM], b[DIM][DIM], c[DIM][DIM];

static void multiply(void) {
  for (int i = 0; i < DIM; i++)
    for (int j = 0; j < DIM; j++) {
      double sum = 0;
      for (int k = 0; k < DIM; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

#define POINTS 1024
static double re[POINTS], im[POINTS], cosine[POINTS / 2], sine[POINTS / 2];

/* cos and sin of 2*pi*k/POINTS by rotation from a Taylor series of the first step: no library needed. */
static void fill_twiddles(void) {
  double x = 6.283185307179586 / POINTS, c1 = 1, s1 = x, term = 1;
  for (int i = 2; i < 16; i += 2) {
    term *= -x * x / (i * (i - 1));
    c1 += term;
    s1 += term * x / (i + 1);
  }
  cosine[0] = 1;
  sine[0] = 0;
  for (int k = 1; k < POINTS / 2; k++) {
    cosine[k] = cosine[k - 1] * c1 - sine[k - 1] * s1;
    sine[k] = sine[k - 1] * c1 + cosine[k - 1] * s1;
  }
}

static void transform(double sign) {
  for (unsigned i = 1, j = 0; i < POINTS; i++) {
    unsigned bit = POINTS >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      double t = re[i];
      re[i] = re[j];
      re[j] = t;
      t = im[i];
      im[i] = im[j];
      im[j] = t;
    }
  }
  for (unsigned length = 2; length <= POINTS; length *= 2) {
    unsigned half = length / 2, stride = POINTS / length;
    for (unsigned start = 0; start < POINTS; start += length)
      for (unsigned k = 0; k < half; k++) {
        double wr = cosine[k * stride], wi = sign * sine[k * stride];
        unsigned p = start + k, q = p + half;
        double xr = re[q] * wr - im[q] * wi, xi = re[q] * wi + im[q] * wr;
        re[q] = re[p] - xr;
        im[q] = im[p] - xi;
        re[p] += xr;
        im[p] += xi;
      }
  }
}

static float signal[512], filtered[512];

static void convolve(void) {
  static const float kernel[9] = {0.0625f, -0.125f, 0.25f, 0.5f, 1.0f, 0.5f, 0.25f, -0.125f, 0.0625f};
  for (int i = 4; i < 508; i++) {
    float sum = 0;
    for (int k = 0; k < 9; k++) sum += signal[i + k - 4] * kernel[k];
    filtered[i] = sum > 1.5f ? 1.5f : sum;
  }
}

uint64_t benchmark(void) {
  uint64_t seed = 5, checksum = 0;
  fill_twiddles();
  for (int round = 0; round < SCALED(80); round++) {
    for (int i = 0; i < DIM; i++)
      for (int j = 0; j < DIM; j++) {
        a[i][j] = (double)(next_random(&seed) & 0xffff) / 65536.0;
        b[i][j] = (double)(i - j) * 0.03125;
      }
    multiply();
    for (int i = 0; i < POINTS; i++) {
      re[i] = c[i / DIM % DIM][i % DIM];
      im[i] = 0;
    }
    for (int i = 0; i < 512; i++) signal[i] = (float)re[i];
    for (int i = 0; i < 8; i++) convolve();
    for (int i = 0; i < 4; i++) {
      transform(1);
      transform(-1);
      for (int k = 0; k < POINTS; k++) {
        re[k] /= POINTS;
        im[k] /= POINTS;
      }
    }
    double sum = 0;
    for (int i = 0; i < POINTS; i++) sum += re[i] * (i & 15) - im[i];
    for (int i = 4; i < 508; i++) sum += (double)filtered[i];
    checksum = fold(checksum, (uint64_t)(int64_t)(sum * 4096.0));
  }
  return checksum;
}

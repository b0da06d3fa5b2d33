# The style sheet
FROM node:22-slim AS assets
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=optional --omit=dev --no-audit --no-fund
COPY static/scss static/scss
RUN mkdir -p assets/fonts \
 && cp node_modules/@expo-google-fonts/source-sans-3/400Regular/*.ttf node_modules/@expo-google-fonts/source-sans-3/400Regular_Italic/*.ttf \
      node_modules/@expo-google-fonts/source-sans-3/700Bold/*.ttf assets/fonts \
 && node_modules/.bin/sass --load-path=node_modules --no-source-map --style=compressed --quiet-deps \
      static/scss/accord.scss assets/accord.css \
 && grep -v '^//# sourceMappingURL=' node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.js > assets/govuk-frontend.min.js

# The application: no compiler, no test tools, no embedded database
FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
COPY . .
COPY --from=assets /build/assets var/assets
# Collecting static files needs the live settings, but none of their values.
RUN ACCORD_LIVE=1 SECRET_KEY=only-while-the-image-is-built-it-signs-nothing-0123456789 \
    ACCORD_SECRETS_KEY=only-while-the-image-is-built-it-keeps-nothing-0123456789 \
    DATABASE_URL=postgres://build ALLOWED_HOSTS=build SITE_URL=https://build \
    EMAIL_URL=consolemail:// DEFAULT_FROM_EMAIL=build@build.invalid python manage.py collectstatic --noinput --verbosity 0 \
 && useradd --system --uid 10001 accord \
 && install -d -o accord var/run
USER accord
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; host = os.environ.get('ALLOWED_HOSTS', 'localhost').split(',')[0].strip().lstrip('.*') or 'localhost'; \
u.urlopen(u.Request('http://127.0.0.1:8000/health/live', headers={'Host': host}), timeout=4)"]
# gunicorn.conf.py has the rest. The container's port is reached through the proxy only.
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--forwarded-allow-ips", "*"]

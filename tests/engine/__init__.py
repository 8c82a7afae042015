"""The images, docker-compose.yml and kubernetes/ in a real container engine: podman with runc."""
